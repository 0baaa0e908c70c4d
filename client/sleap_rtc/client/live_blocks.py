"""Pure: the parts of the live view as lines, each for a given width."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sleap_rtc.client.display import human_bytes, human_duration
from sleap_rtc.client.job_words import next_step
from sleap_rtc.client.live_items import LIVE, Link
from sleap_rtc.client.live_keys import KEYS, why_not
from sleap_rtc.client.live_transfer import bar, transfer
from sleap_rtc.client.loss_chart import TRAIN, VAL, loss_chart
from sleap_rtc.client.loss_curve import train_loss, val_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sleap_rtc.client.live_model import LiveModel
    from sleap_rtc.events.job_commands import CommandAnswer
    from sleap_rtc.events.job_progress import CommandAnswered, GpuMeasured, MachineMeasured

_WIDE = 90
_LINK_STYLES = {Link.DIRECT: "green", Link.RELAYED: "cyan", Link.SERVICE: "yellow", Link.AGAIN: "yellow"}
_STATE_STYLES = {"published": "green", "failed": "red", "cancelled": "yellow", "lost": "yellow"}
_CHART_STYLES = {TRAIN: "blue", VAL: "bright_magenta"}
_MOST_GPUS = 4
_SHORT_ID = 8
_MOST_WRAPPED = 4
_ANY = Console(width=_WIDE)
"""Wrapping asks a console for its tab size alone."""


def head(model: LiveModel, round_trip_s: float | None, width: int) -> list[Text]:
    """Return which job it is and how it stands, and over which way that is known."""
    wide = width >= _WIDE
    job = model.job_id if wide else f"…{model.job_id[-_SHORT_ID:]}"
    state = model.steps[-1].state if model.steps else "not made yet"
    first = Text.assemble(("Job ", "dim"), (job, "bold"), ("  room ", "dim"), model.room_id, "  ")
    first.append(state, _STATE_STYLES.get(state, "bold"))
    if model.run.paused:
        first.append(" paused", "bold yellow")
    second = Text()
    about = [("worker ", model.worker), ("trainer ", model.run.begun.trainer if model.run.begun else "")]
    if model.run.begun:
        about.append(("", model.run.begun.model_type))
    if model.job is not None and model.job.attempt > 1:
        about.append(("attempt ", str(model.job.attempt)))
    for name, text in about:
        if text:
            second.append("  " if second else "").append(name, "dim").append(text)
    below = [second] if second else []
    link = way(model, round_trip_s)
    if wide and cell_len(first.plain) + cell_len(link.plain) + 2 <= width:
        return [_both_ends(first, link, width), *below]
    return [first, *_wrapped(link, width), *below]


def way(model: LiveModel, round_trip_s: float | None) -> Text:
    """Return over which way events come, and how long a word takes there and back."""
    link = model.link
    text = Text("● ", _LINK_STYLES.get(link.link, "dim")).append(link.words)
    if link.link in LIVE and round_trip_s is not None:
        text.append(f"  {round_trip_s * 1000:.0f} ms", "dim")
    return text


def notes(model: LiveModel, now: datetime, width: int) -> list[Text]:
    """Return what a person should know: why nothing happens, or what is missing."""
    found = []
    if model.away:
        found.append(Text(model.away, "yellow"))
    if model.broken:
        found.append(Text("The loss is not a finite number any more; a lower learning rate may help.", "red"))
    if model.run.missed:
        found.append(Text("Some earlier events of this run are not to be had any more.", "yellow"))
    job = model.job
    if job is not None and job.ended:
        if job.failure is not None:
            found.append(Text(f"{job.failure.code}: {job.failure.message}", "red"))
        found.append(Text(next_step(job, now), "dim"))
    return [line for note in found for line in _wrapped(note, width)]


def steps(model: LiveModel, width: int) -> list[Text]:
    """Return the steps of the job in a line, the last ones where there is no room for all."""
    shown = [
        Text.assemble((f"{step.at:%H:%M:%S} ", "dim"), (step.state, _STATE_STYLES.get(step.state, "")))
        for step in model.steps
    ]
    line = Text()
    for number, step in enumerate(reversed(shown)):
        tail = Text.assemble(step, (" → ", "dim"), line) if number else step
        if cell_len(tail.plain) + 2 > width:
            return [Text.assemble(("… ", "dim"), line)] if line else [step]
        line = tail
    return [line] if line else []


def training(model: LiveModel, width: int) -> list[Text]:
    """Return how far the training is."""
    run = model.run
    if run.epoch is None and run.batch is None and (run.begun is None or not run.begun.model_type):
        return []  # nothing has begun, or an inference, which has no epochs
    ended = 0 if run.epoch is None else run.epoch.epoch + 1
    present = run.batch.epoch if run.batch else ended
    planned = run.begun.epochs if run.begun else None
    batches = run.begun.batches if run.begun else None
    first = Text().append(f"Epoch {present + 1 if run.batch else max(1, ended)}", "bold")
    first.append(f" of {planned}" if planned else "", "bold")
    if run.batch:
        first.append(f"  batch {run.batch.batch + 1}").append(f" of {batches}" if batches else "")
    left_s = model.epoch_left_s
    tail = "" if left_s is None or model.run.end else f"  {human_duration(left_s)} left"
    if planned:
        part = (run.batch.batch + 1) / batches if run.batch and batches else 0.0
        room = width - cell_len(first.plain) - len(tail) - 2
        first.append("  ").append_text(bar((ended + min(part, 1.0)) / planned, min(40, room)))
    first.append(tail, "dim")
    return [first, _losses(model, width)]


def _losses(model: LiveModel, width: int) -> Text:
    run, line = model.run, Text()
    newest = run.batch.logs if run.batch and run.batch.logs else run.epoch.logs if run.epoch else {}
    pairs = [
        ("loss", _number(newest, "loss", train_loss), _CHART_STYLES[TRAIN]),
        ("validation", _number(run.epoch.logs if run.epoch else {}, "val", val_loss), _CHART_STYLES[VAL]),
    ]
    if run.learning_rate is not None:
        pairs.append(("rate", f"{run.learning_rate:.3g}", ""))
    if best := model.best:
        pairs.append(("best", f"{best[1]:.4g} at epoch {best[0]}", ""))
    for name, text, style in pairs:
        if text and cell_len(line.plain) + len(name) + len(text) + 3 <= width:
            line.append("  " if line else "").append(f"{name} ", "dim").append(text, style)
    return line


def _number(logs: Mapping[str, float], part: str, finite: object) -> str:
    """Return a loss as it is, also one that is no number."""
    value = finite(logs) if callable(finite) else None
    if value is None:
        value = next((number for name, number in logs.items() if part in name and "loss" in name), None)
    return "" if value is None else f"{value:.4g}"


def transfers(model: LiveModel, width: int) -> list[Text]:
    """Return what is on its way to the worker, or from it to the room."""
    lines = []
    for direction, moved in model.run.transfers.items():
        if moved.state == "done" and (direction == "download" and model.run.begun is not None):
            continue
        lines.append(transfer(moved, width))
    return lines


def chart(model: LiveModel, width: int, height: int) -> list[Text]:
    """Return the loss by epoch, as a drawing."""
    curve = model.curve
    if curve is None:
        return []
    key = Text.assemble(
        ("Loss ", "bold"), ("── validation ", _CHART_STYLES[VAL]), ("╴╴ training", _CHART_STYLES[TRAIN])
    )
    drawn = _drawn(curve, width, height - 1)
    lines = [
        Text.assemble(*((piece.text, _CHART_STYLES.get(piece.kind, "dim")) for piece in line))
        for line in drawn
    ]
    return [key, *lines]


# A curve of thousands of epochs is drawn once for each of them, not with every batch.
_drawn = lru_cache(maxsize=1)(loss_chart)


def machine(model: LiveModel) -> list[Text]:
    """Return how busy the worker's machine is."""
    return measured(model.run.machine) if model.run.machine else []


def measured(machine: MachineMeasured) -> list[Text]:
    """Return one machine."""
    memory = f"{human_bytes(machine.memory_used_bytes)} of {human_bytes(machine.memory_total_bytes)}"
    lines = [Text.assemble(("Host ", "dim"), f"CPU {machine.cpu_percent:.0f} %  memory {memory}")]
    return lines + [_gpu(gpu) for gpu in machine.gpus[:_MOST_GPUS]]


def _gpu(gpu: GpuMeasured) -> Text:
    parts = [gpu.name]
    if gpu.utilisation_percent is not None:
        parts.append(f"{gpu.utilisation_percent:.0f} %")
    if gpu.memory_used_bytes is not None and gpu.memory_total_bytes is not None:
        parts.append(f"memory {human_bytes(gpu.memory_used_bytes)} of {human_bytes(gpu.memory_total_bytes)}")
    if gpu.temperature_c is not None:
        parts.append(f"{gpu.temperature_c:.0f} °C")
    if gpu.power_w is not None:
        parts.append(f"{gpu.power_w:.0f} W")
    return Text.assemble(("GPU  ", "dim"), "  ".join(parts))


def answers(model: LiveModel, most: int, width: int) -> list[Text]:
    """Return what became of the last commands, whoever gave them; the newest first, and whole."""
    newest, *others = [answered(each) for each in reversed(model.answers)] or [Text()]
    return [*_wrapped(newest, width), *others[: most - 1]] if newest else []


def answered(event: CommandAnswered) -> Text:
    """Return one of them."""
    return Text.assemble((f"{event.name} ", "bold"), (f"by {event.by}: ", "dim"), _outcome(event.answer))


def _outcome(answer: CommandAnswer) -> Text:
    return Text(answer.text, "" if answer.outcome == "done" else "yellow")


def keys(model: LiveModel, width: int) -> list[Text]:
    """Return the keys, dim where one could have no effect now."""
    able = [
        Text.assemble((key.letter, "dim" if why else "bold reverse"), (f" {key.word}", "dim" if why else ""))
        for key in KEYS
        for why in [why_not(key.command, model) if key.command else ""]
    ]
    return _flowing(able, width)


def _flowing(texts: Iterable[Text], width: int) -> list[Text]:
    lines = [Text()]
    for text in texts:
        if lines[-1] and cell_len(lines[-1].plain) + 2 + cell_len(text.plain) > width:
            lines.append(Text())
        lines[-1].append("  " if lines[-1] else "").append_text(text)
    return lines


def _wrapped(text: Text, width: int) -> list[Text]:
    """Return a sentence in as many lines as it needs, but for those that nobody would read."""
    if cell_len(text.plain) <= width:
        return [text]
    return list(text.wrap(_ANY, width))[:_MOST_WRAPPED]


def _both_ends(left: Text, right: Text, width: int) -> Text:
    gap = " " * (width - cell_len(left.plain) - cell_len(right.plain))
    return Text.assemble(left, gap, right)
