"""Draws the picture of the live view for the documentation, from a training that nobody ran, at a fixed time.

PYTHONPATH=tests .venv/bin/python -m support.live_picture
"""

from __future__ import annotations

import io
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from rich.console import Console

from sleap_rtc.client.live_items import JobSeen, Link, LinkState
from sleap_rtc.client.live_model import LiveModel
from sleap_rtc.client.live_screen import LiveScreen
from sleap_rtc.events import job_steps
from sleap_rtc.events.api import JobView
from sleap_rtc.events.job_commands import CommandAnswer
from sleap_rtc.events.job_progress import (
    BatchEnded,
    CommandAnswered,
    EpochEnded,
    GpuMeasured,
    LineLogged,
    MachineMeasured,
    Told,
    TrainingBegun,
)
from sleap_rtc.events.jobs import DatasetRef, Job, JobRequest, JobState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.segment import Segment
    from rich.style import Style

    from sleap_rtc.events.job_progress import JobEvent

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "jobs-attach.svg"
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
JOB = "01KH7Q4W2N6V8T3RZP5XJ9DCMB"
WIDTH, HEIGHT = 104, 32
_EPOCHS, _EPOCH_S = 64, 41.0
_CHARACTER, _LINE, _MARGIN, _SIZE = 8.4, 19.0, 14.0, 14
_BACK, _FRONT, _DIM = "#121418", "#d4d6da", "#787c84"
_COLOURS = {
    "red": "#e05c5c",
    "green": "#6ebe6e",
    "yellow": "#d6b254",
    "blue": "#6296e6",
    "cyan": "#5abec8",
    "magenta": "#c07bd0",
    "bright_magenta": "#d78ae0",
}
_FONT = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille character (Unicode, Braille Patterns)."""


def picture() -> str:
    """Return the picture as SVG. Dots are drawn as dots: not every font has them."""
    console = Console(file=io.StringIO(), width=WIDTH, height=HEIGHT, force_terminal=True)
    now = NOON + timedelta(seconds=_EPOCHS * _EPOCH_S + 120)
    screen = LiveScreen(_training(), lambda: 0.023, now=lambda: now)
    lines = console.render_lines(screen, console.options.update_height(HEIGHT), pad=False)
    return as_svg(lines, WIDTH, HEIGHT)


def as_svg(lines: Sequence[Sequence[Segment]], columns: int, rows: int) -> str:
    """Return lines of a terminal of this size as SVG."""
    drawn = [part for row, line in enumerate(lines) for part in _drawn(line, row)]
    width, height = columns * _CHARACTER + 2 * _MARGIN, rows * _LINE + 2 * _MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
    back = f'<rect width="100%" height="100%" rx="8" fill="{_BACK}"/>'
    text = f'<g font-family="{_FONT}" font-size="{_SIZE}" xml:space="preserve">'
    return "\n".join([head, back, text, *drawn, "</g>", "</svg>"]) + "\n"


def _drawn(line: Sequence[Segment], row: int) -> Iterator[str]:
    x, y = _MARGIN, _MARGIN + row * _LINE
    for text, style, _ in line:
        colour = _colour(style)
        width = len(text) * _CHARACTER
        if style is not None and style.reverse:
            yield f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{_LINE:g}" fill="{_FRONT}"/>'
            colour = _BACK
        letters = "".join(" " if character >= "\u2800" else character for character in text)
        if letters.strip():
            bold = ' font-weight="bold"' if style is not None and style.bold else ""
            place = f'x="{x:.1f}" y="{y + _SIZE:g}" textLength="{width:.1f}"'
            yield f'<text {place} fill="{colour}"{bold}>{escape(letters)}</text>'
        dots = [dot for at, character in enumerate(text) for dot in _dots(character, x + at * _CHARACTER, y)]
        if dots:
            pen = f'fill="none" stroke="{colour}" stroke-width="2.4" stroke-linecap="round"'
            yield f'<path {pen} d="{"".join(dots)}"/>'
        x += width


def _dots(character: str, x: float, y: float) -> Iterator[str]:
    bits = max(0, ord(character) - 0x2800) if character < "\u2900" else 0
    for number, (column, line) in enumerate(_DOTS):
        if bits >> number & 1:
            yield f"M{x + (column + 0.5) * _CHARACTER / 2:.1f} {y + (line + 0.5) * _LINE / 4:.1f}h0"


def _colour(style: Style | None) -> str:
    if style is None or style.color is None:
        return _DIM if style is not None and style.dim else _FRONT
    return _COLOURS[style.color.name]


def _training() -> LiveModel:
    model, random = LiveModel("mouse-lab", JOB), Random(4)
    model.take(JobSeen(_job()))
    model.take(LinkState(Link.DIRECT, peer_id="ada#gpu-1"))
    seq, at = 0, NOON + timedelta(seconds=70)

    def tell(event: JobEvent, after_s: float = 0.0) -> None:
        nonlocal seq, at
        seq, at = seq + 1, at + timedelta(seconds=after_s)
        model.take(Told(run=1, seq=seq, at=at, event=event))

    abilities = ("pause", "resume", "stop", "set_learning_rate", "sample")
    tell(
        TrainingBegun(trainer="sleap-nn", abilities=abilities, epochs=100, batches=75, model_type="centroid")
    )
    rate = 1e-4
    for epoch in range(_EPOCHS):
        fall = 2.1 * math.exp(-epoch / 7) + 0.12 * math.exp(-epoch / 25)
        train = fall * random.uniform(0.95, 1.05) + 0.0012
        val = fall * random.uniform(0.9, 1.25) + 0.0082
        rate = 5e-5 if epoch > 40 else 1e-4
        tell(EpochEnded(epoch=epoch, logs={"train/loss": train, "val/loss": val, "train/lr": rate}), _EPOCH_S)
        tell(LineLogged(text=f"Epoch {epoch + 1}/100: train/loss={train:.5f} val/loss={val:.5f}"))
        if epoch == 40:
            _answer(
                tell, "set_learning_rate", "grace", "learning rate 0.0001 -> 5e-05 from batch 12 of epoch 42"
            )
    _answer(tell, "sample", "ada", "sample of frame 312 saved")
    tell(BatchEnded(epoch=_EPOCHS, batch=46, logs={"loss": train}))
    tell(
        MachineMeasured(
            cpu_percent=38,
            memory_used_bytes=21_400_000_000,
            memory_total_bytes=128_000_000_000,
            gpus=(
                GpuMeasured(
                    name="NVIDIA A40",
                    utilisation_percent=96,
                    memory_used_bytes=31_200_000_000,
                    memory_total_bytes=48_000_000_000,
                    temperature_c=71,
                    power_w=287,
                ),
            ),
        )
    )
    return model


def _answer(tell: object, name: str, by: str, text: str) -> None:
    assert callable(tell)
    answer = CommandAnswer(outcome="done", text=text)
    tell(CommandAnswered(command_id="0" * 26, name=name, by=by, answer=answer))


def _job() -> JobView:
    job = Job(
        job_id=JOB,
        room_id="mouse-lab",
        request=JobRequest(),
        dataset=DatasetRef(path="s3://uploads/data", size_bytes=2_400_000_000, checksum=""),
        created_by="ada",
        created_at=NOON,
        traceparent="",
    )
    job = job_steps.queued(job, NOON + timedelta(seconds=1), "notice")
    job = job_steps.claimed(job, "gpu-1", NOON + timedelta(seconds=4), 60, "message", 3)
    job = job_steps.advanced(job, JobState.DOWNLOADING, 1, NOON + timedelta(seconds=5))
    return JobView(**job_steps.advanced(job, JobState.TRAINING, 1, NOON + timedelta(seconds=62)).model_dump())


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), "utf-8")
