"""Adapter: what the terminal shows: progress bars on long work, tables for lists, JSON lines for scripts."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel

    from sleap_rtc.events.messages import RoomEvent
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
        table.add_row(*row)
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


@contextmanager
def transfer_bar(title: str) -> Iterator[ProgressHook]:
    """Show a bar with bytes, MB/s and the time left; on a pipe, one line at the end."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    task = progress.add_task(title, total=None)

    def show(state: TransferProgress) -> None:
        if not progress.live.is_started:
            progress.start()
        progress.update(task, total=state.total_bytes, completed=state.done_bytes)
        if state.done_bytes == state.resumed_bytes:
            # Speed is that of this run: what an earlier one brought over does not count.
            progress.reset(task, total=state.total_bytes, completed=state.done_bytes)

    try:
        yield show
    finally:
        progress.stop()


class TextWatcher:
    """Prints a job's events and log lines as they come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def on_event(self, event: RoomEvent) -> None:
        """Print one line for an edge."""
        text = f"  {event.text}" if event.text else ""
        attempt = f" (attempt {event.attempt})" if event.attempt > 1 else ""
        with self._lock:
            console.print(f"[bold]{event.at:%H:%M:%S}  {event.state}[/bold]{attempt}{text}")

    def on_log(self, text: str) -> None:
        """Print log lines, dimmed."""
        with self._lock:
            for line in text.splitlines():
                console.print(f"  {line}", style="dim", markup=False)

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        with self._lock:
            console.print(f"  {text} The job goes on; trying again.", style="yellow", markup=False)


class JsonWatcher:
    """Prints events and log lines as JSON lines."""

    def __init__(self, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._write = write
        self._lock = threading.Lock()

    def on_event(self, event: RoomEvent) -> None:
        """Print an edge."""
        self._print({"kind": "event", **event.model_dump(mode="json", exclude={"kind", "v"})})

    def on_log(self, text: str) -> None:
        """Print log lines."""
        for line in text.splitlines():
            self._print({"kind": "log", "line": line})

    def on_trouble(self, text: str) -> None:
        """Print what is wrong with the connection."""
        self._print({"kind": "trouble", "text": text})

    def _print(self, value: dict[str, Any]) -> None:
        with self._lock:
            self._write(json.dumps(value) + "\n")
            sys.stdout.flush()
