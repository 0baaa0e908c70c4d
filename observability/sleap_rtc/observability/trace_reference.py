"""Pure: the reference pages of spans and log events, made from their tables. As a program it prints one."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from sleap_rtc.events.log_table import LOG_EVENTS
from sleap_rtc.events.span_table import ATTRIBUTES, SPANS

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPANS = """\
# Spans

Made by `make trace-reference` from the table in `sleap_rtc.events.span_table`. [Tracing](../tracing.md)
says how to read them. Every span may have the ids of its room and job, and `error.type`. Spans of requests
are named after method and route, such as `POST /api/complete-upload`.

"""
_ATTRIBUTES = """
## Attributes

Those that do not begin with `sleap_rtc.` are OpenTelemetry's (semantic conventions 1.44).

"""
_LOGS = """\
# Log events

Made by `make trace-reference` from the table in `sleap_rtc.events.log_table`. In staging and production
each line of a log is one JSON object; of these lines `event` is the word below, which does not change,
`message` is what a person reads, and the fields stand beside them. Every line has `timestamp`, `level`,
`logger` and `part`, and `trace_id` and `span_id` while a step of a trace is under way. All other lines are
for people, and change as they need to.

"""


def spans_page() -> str:
    """Return the page of spans, in Markdown."""
    spans = _table(
        ("span", "kind", "part", "what is done in it", "what it follows", "attributes"),
        (
            (
                f"`{each.name}`",
                each.kind.name,
                ", ".join(sorted(each.parts)),
                each.meaning,
                each.follows,
                _names(each.attributes),
            )
            for each in SPANS
        ),
    )
    attributes = _table(
        ("attribute", "what"), ((f"`{name}`", meaning) for name, meaning in ATTRIBUTES.items())
    )
    return f"{_SPANS}{spans}{_ATTRIBUTES}{attributes}"


def logs_page() -> str:
    """Return the page of log events, in Markdown."""
    rows = (
        (
            f"`{each.event}`",
            logging.getLevelName(each.level).lower(),
            ", ".join(sorted(each.parts)),
            each.meaning,
            _names(each.fields),
        )
        for each in LOG_EVENTS
    )
    return f"{_LOGS}{_table(('event', 'level', 'part', 'what happened', 'fields'), rows)}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (columns, ("---",) * len(columns), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write({"spans": spans_page, "logs": logs_page}[sys.argv[1]]())
