"""Adapter: a job's trace in the terminal, as a waterfall."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sleap_rtc.client.display import console, human_duration
from sleap_rtc.events.trace import trace_id

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sleap_rtc.client.waterfall import Row, Waterfall
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.spans import Span

_COLOURS = {"client": "cyan", "service": "magenta", "worker": "green"}
_LETTERS = {"client": "C", "service": "S", "worker": "W"}
_BAR, _TICK, _WAIT = "█", "▏", "·"
_NARROWEST, _WIDEST = 20, 90
_STEP = 34
_BESIDE = 76
"""Columns that all but the bars take."""
_A_MINUTE_S = 60.0


def print_trace(job: Job, found: Waterfall, to: Console = console) -> None:
    """Print a waterfall; of a trace of which nothing is there, that and why."""
    to.print(trace_view(job, found, to.width))


def trace_view(job: Job, found: Waterfall, width: int) -> RenderableType:
    """Return what is shown of a trace on so many columns."""
    head = Text.assemble("Job ", (job.job_id, "bold"), f", trace {trace_id(job.traceparent) or 'none'}")
    if not found.rows:
        why = "Nothing of its trace is there: it was made by a version that kept none, or has just begun."
        return Group(head, Text(why))
    keys = Text()
    for part, letter in _LETTERS.items():
        keys.append(letter, style=_COLOURS[part]).append(f" {part}   ")
    keys.append(f"{_WAIT}{_WAIT} waited behind a queue   ← what led to it", style="dim")
    bars = max(_NARROWEST, min(_WIDEST, width - _BESIDE))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("STEP", no_wrap=True, overflow="ellipsis", min_width=_STEP)
    for name in ("ID", "FROM"):
        table.add_column(name, no_wrap=True)
    table.add_column("TOOK", justify="right", no_wrap=True)
    table.add_column(_scale(found, bars), no_wrap=True, min_width=bars)
    for row in found.rows:
        table.add_row(*_cells(row, found, bars))
    missing = [Text(f"missing: {each}", style="yellow") for each in found.missing]
    return Group(head, keys, table, *missing)


def print_trace_json(job: Job, found: Waterfall) -> None:
    """Print the spans in their order, and what is missing, as JSON."""
    content = {
        "job_id": job.job_id,
        "trace_id": trace_id(job.traceparent),
        "spans": [
            {
                **row.span.model_dump(mode="json"),
                "depth": row.depth,
                "waited_s": round(row.waited_ns / 1e9, 6),
            }
            for row in found.rows
        ],
        "missing": found.missing,
    }
    sys.stdout.write(json.dumps(content, indent=1) + "\n")


def _cells(row: Row, found: Waterfall, width: int) -> tuple[Text, ...]:
    span, colour = row.span, _COLOURS[row.span.part]
    title = Text("  " * row.depth + row.title, style="red" if span.status == "error" else "")
    if error := span.text("error.type"):
        title.append(f" {error}")
    led = Text(" ".join(f"←{link}" for link in row.links), style="dim")
    if row.foreign:
        led.append(" other trace", style="yellow")
    return (
        Text(_LETTERS[span.part], style=colour),
        title,
        Text(row.short_id, style="dim"),
        led,
        Text(took(span)),
        _bar(row, found, width),
    )


def _bar(row: Row, found: Waterfall, width: int) -> Text:
    span = row.span
    whole = max(1, found.end_ns - found.start_ns)

    def column(at_ns: int) -> int:
        return min(width - 1, (at_ns - found.start_ns) * width // whole)

    first, end = column(span.start_ns), column(span.end_ns)
    waited_from = column(span.start_ns - row.waited_ns)
    bar = Text(" " * waited_from)
    bar.append(_WAIT * (first - waited_from), style="dim")
    bar.append(_BAR * (end - first) or _TICK, style="red" if span.status == "error" else _COLOURS[span.part])
    return bar


def _scale(found: Waterfall, width: int) -> str:
    whole = _seconds((found.end_ns - found.start_ns) / 1e9)
    return f"0{whole:>{width - 1}}"


def took(span: Span) -> str:
    """Return how long it took."""
    return _seconds(span.seconds)


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.1f} s" if seconds < _A_MINUTE_S else human_duration(seconds)
