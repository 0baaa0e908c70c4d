"""Pure: what a benchmark found, and how it is told: one JSON object, or tables for people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


# What start-up is taken from can come out as nothing; JSON has no infinity.
_LEAST = 0.001


@dataclass(frozen=True)
class Figure:
    """One measured figure against a named peer and a bar.

    `ratio` is ours divided by the peer's. A figure that is shown beside the others and has no bar holds.
    """

    name: str
    value: float
    unit: str
    peer: str
    ratio: float
    bar: float | None
    holds: bool


@dataclass(frozen=True)
class Table:
    """Rows that a person reads; the JSON object leaves them out."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | float]]

    def lines(self) -> list[str]:
        """Return the table as text, numbers to the right."""
        cells = [
            list(self.header),
            *([f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in self.rows),
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.header))]
        told = [
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        return ["", self.title, "", *told]


@dataclass
class Report:
    """What sections found."""

    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Take in what another section found."""
        self.figures += other.figures
        self.tables += other.tables

    @property
    def exit_code(self) -> int:
        """0 if every bar held."""
        return 0 if all(figure.holds for figure in self.figures) else 1

    def text(self, *, as_json: bool) -> str:
        """Return one JSON object, or every table and then the figures."""
        if as_json:
            return json.dumps({"figures": [asdict(figure) for figure in self.figures]})
        told = Table(
            "figures (ratio: ours to the peer's)",
            ("FIGURE", "VALUE", "UNIT", "RATIO", "BAR", "HOLDS", "PEER"),
            [
                (f.name, f.value, f.unit, f.ratio, "none" if f.bar is None else f.bar, _word(f), f.peer)
                for f in self.figures
            ],
        )
        return "\n".join(line for table in (*self.tables, told) for line in table.lines())


def ratio_figure(name: str, ours: float, unit: str, peer: str, theirs: float, bar: float) -> Figure:
    """Return a figure that holds while ours is at most `bar` times the peer's."""
    ratio = ours / max(theirs, _LEAST)
    return Figure(name, ours, unit, peer, ratio, bar, ratio <= bar)


def _word(figure: Figure) -> str:
    if figure.bar is None:
        return "-"
    return "yes" if figure.holds else "no"
