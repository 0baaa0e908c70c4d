"""Pure: how far a transfer of the worker is, as a line for any width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from sleap_rtc.client.display import human_bytes, human_duration

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import TransferMoved

_LEAST_TITLE = 12


def transfer(moved: TransferMoved, width: int) -> Text:
    """Return one transfer, with a bar where there is room for one."""
    line = Text(_title(moved))
    whole = f"  {_sizes(moved)}{_pace(moved)}"
    short = f"  {_done(moved):.0%}{_pace(moved)}"
    line.truncate(
        max(_LEAST_TITLE, min(max(32, width // 2), width - cell_len(short) - 2)), overflow="ellipsis"
    )
    tail = whole if cell_len(line.plain) + 2 + cell_len(whole) <= width else short
    room = min(40, width - cell_len(line.plain) - cell_len(tail) - 2)
    style = {"failed": "red", "cancelled": "yellow", "paused": "yellow"}.get(moved.state, "dim")
    return line.append("  ").append_text(bar(_done(moved), room)).append(tail, style)


def transfer_words(moved: TransferMoved) -> str:
    """Return one transfer without a bar."""
    return f"{_title(moved)}  {_done(moved):.0%}  {_sizes(moved)}{_pace(moved)}"


def _title(moved: TransferMoved) -> str:
    return "Uploading model to room storage…" if moved.direction == "upload" else f"Downloading {moved.name}"


def _done(moved: TransferMoved) -> float:
    return min(1.0, moved.done_bytes / moved.total_bytes) if moved.total_bytes else 1.0


def _sizes(moved: TransferMoved) -> str:
    return f"{human_bytes(moved.done_bytes)} of {human_bytes(moved.total_bytes)}"


def _pace(moved: TransferMoved) -> str:
    trouble = f" ({moved.trouble})" if moved.trouble else ""
    if moved.state != "running":
        return f"  {moved.state}{trouble}"
    if moved.bytes_per_s <= 0:
        return trouble
    left_s = (moved.total_bytes - moved.done_bytes) / moved.bytes_per_s
    return f"  {human_bytes(round(moved.bytes_per_s))}/s  {human_duration(left_s)} left{trouble}"


def bar(done: float, width: int) -> Text:
    """Return a bar; nothing where there is no room for one."""
    if width < 4:  # noqa: PLR2004 - it would say nothing
        return Text()
    full = round(min(max(done, 0.0), 1.0) * width)
    return Text.assemble(("━" * full, "green"), ("─" * (width - full), "dim"))
