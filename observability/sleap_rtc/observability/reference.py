"""Pure: the reference page of the metrics, made from their table. As a program it prints the page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sleap_rtc.observability.instruments import (
    INSTRUMENTS,
    cost,
    itself,
    jobs,
    live,
    queues,
    requests,
    transfers,
    workers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.observability.instrument import Instrument, Label

_PARTS = ("client", "worker", "service")
_SECTIONS = {
    "Transfers": transfers.EVERY,
    "Requests": requests.EVERY,
    "Queues": queues.EVERY,
    "Jobs and rooms": jobs.EVERY,
    "Live sessions": live.EVERY,
    "Workers": workers.EVERY,
    "Cost": cost.EVERY,
    "Processes": itself.EVERY,
}
_HEAD = """\
# Metrics

Made by `make metrics` from the table in `sleap_rtc.observability.instruments`. How they are had is said in
[observability](../observability.md). A histogram's series add `_bucket`, `_sum` and `_count`. No label ever
names a room, a user, a job or an upload; a value that a label cannot have is counted as `other`.

"""


def reference() -> str:
    """Return the page, in Markdown."""
    sections = (_section(title, every) for title, every in _SECTIONS.items())
    return f"{_HEAD}{''.join(sections)}{_labels()}{_bounds()}"


def _section(title: str, every: Iterable[Instrument]) -> str:
    rows = "".join(f"{_row(one)}\n" for one in every)
    return f"## {title}\n\n| metric | kind | labels | told by | what |\n|---|---|---|---|---|\n{rows}\n"


def _row(one: Instrument) -> str:
    labels = ", ".join(f"`{label.name}`" for label in one.labels)
    parts = ", ".join(part for part in _PARTS if part in one.parts)
    return f"| `{one.prometheus}` | {one.kind} | {labels} | {parts} | {one.meaning} |"


def _labels() -> str:
    found: dict[Label, list[str]] = {}
    for one in INSTRUMENTS:
        for label in one.labels:
            found.setdefault(label, []).append(one.prometheus)
    rows = "".join(
        f"| `{label.name}` of {', '.join(f'`{name}`' for name in names)} | {_values(label)} |\n"
        for label, names in found.items()
    )
    return f"## Labels\n\n| label | values |\n|---|---|\n{rows}\n"


def _values(label: Label) -> str:
    numeric = all(value.isdigit() for value in label.values)
    return ", ".join(f"`{value}`" for value in sorted(label.values, key=int if numeric else str))


def _bounds() -> str:
    rows = "".join(
        f"| {part} | {sum(one.most_series for one in INSTRUMENTS if part in one.parts):,} |\n"
        for part in _PARTS
    )
    head = "How many series a process could have if everything happened in every way:"
    return f"## Bounds\n\n{head}\n\n| part | series |\n|---|---|\n{rows}"


if __name__ == "__main__":
    sys.stdout.write(reference())
