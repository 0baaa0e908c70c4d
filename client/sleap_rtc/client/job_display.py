"""Adapter: jobs in the terminal: the table of a room, one job with its history, and the table that lives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sleap_rtc.client.display import JsonWatcher, console, human_bytes, print_table
from sleap_rtc.client.job_words import age, brief, last_worker, next_step, step_note, was_lost
from sleap_rtc.events.inference import InferenceRequest
from sleap_rtc.events.jobs import HELD, WAITING, JobState
from sleap_rtc.events.trace import trace_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.messages import RoomEvent
    from sleap_rtc.events.waiting import Waiting

_MOST_ENDED = 10
_STYLES = {
    JobState.PUBLISHED: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "dim",
    JobState.LOST: "yellow",
}
_COLUMNS: dict[str, Callable[[JobView, datetime], str]] = {
    "JOB": lambda job, _: job.job_id,
    "STATE": lambda job, _: str(job.state),
    "SINCE": lambda job, now: age(now - job.since()),
    "ATTEMPT": lambda job, _: str(job.attempt),
    "BY": lambda job, _: job.created_by,
    "DATASET": lambda job, _: job.dataset.file_name,
    "MODEL": lambda job, _: _models(job),
    "WAITS FOR": lambda job, _: brief(job.waiting),
}
_CUT_SHORT = {"BY": 12, "DATASET": 24, "MODEL": 16}
_IF_ANY = {"MODEL", "WAITS FOR"}
_IF_WIDE = {"BY", "DATASET"}
_WIDE = 100


def jobs_table(jobs: Sequence[JobView], now: datetime) -> Table:
    """Return jobs as a table; columns in which nothing stands, or that find no room, are left out."""
    empty = {name for name in _IF_ANY if not any(_COLUMNS[name](job, now) for job in jobs)}
    left_out = empty if console.width >= _WIDE else empty | _IF_WIDE
    shown = [name for name in _COLUMNS if name not in left_out]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        if name in _CUT_SHORT:
            table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=_CUT_SHORT[name])
        else:
            table.add_column(name, no_wrap=name != "WAITS FOR", overflow="fold")
    for job in jobs:
        table.add_row(*(Text(_COLUMNS[name](job, now)) for name in shown), style=_STYLES.get(job.state, ""))
    return table


def print_job(job: JobView, now: datetime) -> None:
    """Print a job: what it is, where it stands, what happens next, and every step that it took."""
    console.print(Text.assemble("Job ", (job.job_id, "bold"), ": ", (str(job.state), "bold")))
    for name, text, style in _facts(job, now):
        console.print(Text.assemble((f"{name:<9} ", "dim"), (text, style)))
    print_table(
        "",
        ("TIME (UTC)", "STATE", "ATTEMPT", "FENCING", "BY", "EVENT"),
        (
            (
                f"{edge.at:%H:%M:%S.%f}"[:-3],
                str(edge.state),
                str(edge.attempt),
                str(edge.fencing),
                edge.by,
                edge.cause,
            )
            for edge in job.history
        ),
        "",
    )


def _facts(job: JobView, now: datetime) -> Iterator[tuple[str, str, str]]:
    dataset = f"{job.dataset.file_name}, {human_bytes(job.dataset.size_bytes)}, {job.dataset.checksum}"
    yield "dataset", dataset, ""
    yield "asked", f"by {job.created_by}, {age(now - job.created_at)} ago", ""
    if job.retry_of:
        yield "retry of", job.retry_of, ""
    if job.attempt:
        spent = f", {job.spent} of them in vain" if job.spent else ""
        yield "attempts", f"{job.attempt}{spent}", ""
    if job.lease and job.state in HELD:
        left_s = (job.lease.until - now).total_seconds()
        until = f"until {job.lease.until:%H:%M:%S} UTC unless it renews"
        yield "worker", f"{job.lease.worker_id}, holds it {until}", "" if left_s > 0 else "yellow"
    if lost := was_lost(job):
        yield "lost", f"worker {lost} fell silent; the job was queued again by itself", "yellow"
    if job.state is JobState.CANCELLED:
        at = (
            f", while worker {worker} was at it"
            if (worker := last_worker(job))
            else ", before a worker began"
        )
        yield "cancelled", f"by {job.history[-1].by}{at}", "yellow"
    if job.failure:
        kind = "lost" if job.failure.code == "worker_lost" else "failed"
        yield kind, f"{job.failure.code}: {job.failure.message}", "yellow" if kind == "lost" else "red"
    if isinstance(job.request, InferenceRequest):
        models = ", ".join(
            f"{model.name} ({model.model_type} {model.model_id})" for model in job.request.models
        )
        yield "predicts", f"with {models or 'the models of the package'}", ""
    for file in job.results:
        yield "result", f"{file.name}, {human_bytes(file.size_bytes)}, {file.checksum}", ""
    for model in job.made:
        yield "model", f"{model.model_id} ({model.model_type})", ""
    if job.model_id and job.model_id not in {model.model_id for model in job.made}:
        yield "sent", f"model {job.model_id} ({job.model_type}), which does not count (yet)", ""
    yield "waits" if job.state in WAITING else "next", next_step(job, now), ""
    yield "trace", trace_id(job.traceparent) or "none", ""


def _models(job: JobView) -> str:
    return " ".join(model.model_id for model in job.made) or job.model_id or ""


class LiveJobs:
    """A table that changes where it stands; to be used as a context."""

    def __init__(self, room_id: str) -> None:
        self._room_id = room_id
        self._jobs: list[JobView] = []
        self._trouble = ""
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=2)

    def __enter__(self) -> Self:
        """Show it."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last table on the screen."""
        self._live.stop()

    def on_jobs(self, jobs: list[JobView]) -> None:
        """Show these."""
        ended = [job for job in jobs if job.ended][-_MOST_ENDED:]
        self._jobs = [job for job in jobs if not job.ended or job in ended]
        self._live.refresh()

    def on_event(self, event: RoomEvent) -> None:
        """Nothing: the look that follows shows it."""

    def on_trouble(self, text: str) -> None:
        """Say what is wrong with the connection."""
        self._trouble = f"{text} The jobs go on; trying again."
        self._live.refresh()

    def on_recovery(self) -> None:
        """Say no more that something is wrong."""
        self._trouble = ""
        self._live.refresh()

    def _render(self) -> RenderableType:
        running = sum(job.state in HELD for job in self._jobs)
        waiting = sum(job.state in WAITING for job in self._jobs)
        head = Text(
            f"Room {self._room_id}: {running} running, {waiting} waiting. Ctrl-C ends the watching only."
        )
        head.stylize("dim")
        parts: list[RenderableType] = [head]
        if self._jobs:
            parts.append(jobs_table(self._jobs, datetime.now(UTC)))
        reasons = {job.waiting.reason for job in self._jobs if job.waiting and job.waiting.position == 1}
        parts += [Text(f"#1: {reason}", style="yellow") for reason in reasons]
        if self._trouble:
            parts.append(Text(self._trouble, style="yellow"))
        return Group(*parts)


class JobLines:
    """A line for each change, where there is no terminal to draw on."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting | None] = {}
        self._begun = False

    def on_jobs(self, jobs: list[JobView]) -> None:
        """Print the jobs that are there at the beginning, and what is waited for when that is new."""
        now = datetime.now(UTC)
        for job in jobs:
            if not self._begun:
                self._line(job.since(), job.job_id, str(job.state), f"for {age(now - job.since())}")
            if job.waiting is not None and job.waiting != self._waiting.get(job.job_id):
                text = f"position {job.waiting.position}: {job.waiting.reason}"
                self._line(now, job.job_id, "waits", text)
            self._waiting[job.job_id] = job.waiting
        self._begun = True

    def on_event(self, event: RoomEvent) -> None:
        """Print a step."""
        attempt = f"(attempt {event.attempt}) " if event.attempt > 1 else ""
        note = step_note(event.state, event.event, event.text)
        self._line(event.at, event.job_id, event.state, attempt + note)

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        console.print(f"{text} The jobs go on; trying again.", markup=False)

    def on_recovery(self) -> None:
        """Print that the connection is back."""
        console.print("The service answers again.")

    @staticmethod
    def _line(at: datetime, job_id: str, state: str, text: str) -> None:
        console.print(f"{at:%H:%M:%S}  {job_id}  {state:<11}  {text}".rstrip(), markup=False)
        console.file.flush()


class JobJsonLines:
    """A JSON object for each change."""

    def __init__(self) -> None:
        self._out = JsonWatcher()
        self._told: dict[str, tuple[str, Waiting | None]] = {}

    def on_jobs(self, jobs: list[JobView]) -> None:
        """Print every job that is new or not as it was: its whole record."""
        for job in jobs:
            present = (f"{job.fencing}/{len(job.history)}", job.waiting)
            if self._told.get(job.job_id) != present:
                self._out.tell("job", **job.model_dump(mode="json"))
            self._told[job.job_id] = present

    def on_event(self, event: RoomEvent) -> None:
        """Print a step."""
        self._out.on_event(event)

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        self._out.on_trouble(text)

    def on_recovery(self) -> None:
        """Print that the connection is back."""
        self._out.on_recovery()
