"""Adapter: what the terminal shows: progress bars on long work, tables for lists, JSON lines for scripts."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from sleap_rtc.client.job_words import step_note
from sleap_rtc.client.progress_lines import ProgressLines
from sleap_rtc.storage.transfer_meter import TransferMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel
    from rich.progress import Task

    from sleap_rtc.events.messages import RoomEvent
    from sleap_rtc.events.waiting import Waiting
    from sleap_rtc.storage.progress import ProgressHook, TransferProgress

_PIPE_WIDTH = 200
# On a pipe there is no width to keep to.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def print_json(values: Iterable[BaseModel] | BaseModel) -> None:
    """Print one model, or a list of them, as JSON."""
    if isinstance(values, (list, tuple)):
        content: Any = [value.model_dump(mode="json") for value in values]
    else:
        content = values.model_dump(mode="json")  # type: ignore[union-attr] # a single model
    sys.stdout.write(json.dumps(content, indent=1) + "\n")


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]], empty: str) -> None:
    """Print a table, or a sentence where there is nothing to show."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    if table.row_count:
        console.print(table)
    else:
        console.print(empty)


def human_bytes(count: int) -> str:
    """Return a size in decimal units, as disks and links are sold."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def human_duration(seconds: float) -> str:
    """Return a time as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _RateColumn(ProgressColumn):
    """The speed and the time left, as the meter has them at every refresh."""

    def __init__(self) -> None:
        super().__init__()
        self._meter = TransferMeter()
        self._metering = threading.Lock()

    def note(self, progress: TransferProgress) -> None:
        with self._metering:
            self._meter.note(progress, time.monotonic())

    def render(self, task: Task) -> Text:
        del task
        with self._metering:
            rate = self._meter.rate(time.monotonic())
        left = "" if rate.eta_s is None else f"  {human_duration(rate.eta_s)} left"
        return Text(f"{human_bytes(round(rate.bytes_per_s))}/s{left}", style="progress.data.speed")


@contextmanager
def transfer_bar(title: str) -> Iterator[ProgressHook]:
    """Show a bar with bytes, MB/s and the time left; on a pipe, one line at the end."""
    rate = _RateColumn()
    progress = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), rate, console=console
    )
    task = progress.add_task(title, total=None)

    def show(state: TransferProgress) -> None:
        rate.note(state)
        if not progress.live.is_started:
            progress.start()
        waiting = f" (waiting: {state.trouble})" if state.trouble else ""
        progress.update(
            task, description=title + waiting, total=state.total_bytes, completed=state.done_bytes
        )

    try:
        yield show
    finally:
        if progress.live.is_started:  # a bar that showed nothing would leave an empty line
            progress.stop()


class TextWatcher:
    """Prints a job's events and log lines as they come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def on_event(self, event: RoomEvent) -> None:
        """Print one line for an edge."""
        note = step_note(event.state, event.event, event.text)
        attempt = f" (attempt {event.attempt})" if event.attempt > 1 else ""
        line = Text.assemble((f"{event.at:%H:%M:%S}  {event.state}", "bold"), attempt, f"  {note}".rstrip())
        with self._lock:
            console.print(line)

    def on_log(self, text: str) -> None:
        """Print log lines, dimmed."""
        with self._lock:
            for line in text.splitlines():
                console.print(f"  {line}", style="dim", markup=False)

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        with self._lock:
            console.print(f"  {text} The job goes on; trying again.", style="yellow", markup=False)

    def on_recovery(self) -> None:
        """Print that the connection is back."""
        with self._lock:
            console.print("  The service answers again.", style="yellow")

    def on_waiting(self, waiting: Waiting) -> None:
        """Print what the job waits for."""
        with self._lock:
            console.print(
                f"  waits at position {waiting.position}: {waiting.reason}", style="yellow", markup=False
            )


class JsonWatcher:
    """Prints what happens as JSON lines: transfers, events, log lines."""

    def __init__(self, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._write = write
        self._lock = threading.Lock()

    def transfer(self) -> ProgressLines:
        """Return a hook, to be used as a context, that prints a transfer's progress."""
        return ProgressLines(lambda fields: self.tell("progress", **fields))

    def on_event(self, event: RoomEvent) -> None:
        """Print an edge."""
        self.tell("event", **event.model_dump(mode="json", exclude={"kind", "v"}))

    def on_log(self, text: str) -> None:
        """Print log lines."""
        for line in text.splitlines():
            self.tell("log", line=line)

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        self.tell("trouble", text=text)

    def on_recovery(self) -> None:
        """Print that the connection is back."""
        self.tell("recovery")

    def on_waiting(self, waiting: Waiting) -> None:
        """Print what the job waits for."""
        self.tell("waiting", **waiting.model_dump(mode="json"))

    def tell(self, kind: str, **values: Any) -> None:
        """Print a line of any kind."""
        with self._lock:
            self._write(json.dumps({"kind": kind, **values}) + "\n")
            sys.stdout.flush()
