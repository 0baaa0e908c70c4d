"""Pure: a loss curve in characters: braille dots, two by four of them in each, between axes with numbers.

Validation is a line, training is dashed, so that they can be told apart without colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from sleap_rtc.client.loss_curve import scale_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sleap_rtc.client.loss_curve import LossCurve, Scale

LEAST_WIDTH, LEAST_HEIGHT = 24, 4
TRAIN, VAL, AXIS = "train", "val", "axis"
_ACROSS, _DOWN = 2, 4
_EMPTY = 0x2800
# The bit of each dot, by column and row (Unicode, Braille Patterns).
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_DASH = 4
"""Dots of a dash, and of the gap behind it."""


@dataclass(frozen=True)
class Piece:
    """Characters of one kind: `train`, `val` or `axis`."""

    text: str
    kind: str


def loss_chart(curve: LossCurve, width: int, height: int) -> list[list[Piece]]:
    """Return a chart as lines of pieces, none of them wider than `width`.

    Args:
        curve: has at least one loss.
        width: in characters, no less than LEAST_WIDTH.
        height: in lines, no less than LEAST_HEIGHT, the axis of the epochs among them.
    """
    scale = scale_of(curve.values())
    rows = height - 2
    labels = _labels(scale, rows)
    margin = max(map(len, labels))
    canvas = _Canvas(width - margin - 1, rows)
    places = _places(curve.epochs)
    canvas.draw(_points(places, curve.train, scale), TRAIN)
    canvas.draw(_points(places, curve.val, scale), VAL)
    lines = [
        [Piece(f"{label:>{margin}}{'┤' if label else '│'}", AXIS), *pieces]
        for label, pieces in zip(labels, canvas.lines(), strict=True)
    ]
    first, last = str(curve.epochs[0]), str(curve.epochs[-1])
    about = " epoch, log scale " if scale.logarithmic else " epoch "
    lines.append([Piece(f"{'':>{margin}}└{'─' * canvas.width}", AXIS)])
    lines.append([Piece(f"{'':>{margin}} {_below(first, about, last, canvas.width)}", AXIS)])
    return lines


def _labels(scale: Scale, rows: int) -> list[str]:
    """Return what stands at the left of each row: the ends of the scale, and its middle if there is room."""
    labels = [""] * rows
    labels[0], labels[-1] = f"{scale.high:.3g}", f"{scale.low:.3g}"
    if rows % 2 and rows > 4:  # noqa: PLR2004 - otherwise there is no middle, or no room for it
        labels[rows // 2] = f"{scale.at(0.5):.3g}"
    return labels


def _below(first: str, about: str, last: str, width: int) -> str:
    if len(first) + len(about) + len(last) > width:
        return f"{first}{last:>{max(0, width - len(first))}}"[:width]
    return f"{first}{about:^{width - len(first) - len(last)}}{last}"


def _places(epochs: Sequence[int]) -> list[float]:
    span = epochs[-1] - epochs[0]
    return [(epoch - epochs[0]) / span if span else 0.0 for epoch in epochs]


def _points(
    places: Sequence[float], losses: Sequence[float | None], scale: Scale
) -> list[list[tuple[float, float]]]:
    """Return the unbroken stretches of a line, from 0 to 1 both ways."""
    known = [
        None if loss is None else (place, scale.place(loss))
        for place, loss in zip(places, losses, strict=True)
    ]
    stretches = groupby(known, key=lambda point: point is not None)
    return [[point for point in stretch if point is not None] for there, stretch in stretches if there]


class _Canvas:
    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._height = height
        self._cells: dict[tuple[int, int], int] = {}
        self._kinds: dict[tuple[int, int], str] = {}

    def draw(self, stretches: Sequence[Sequence[tuple[float, float]]], kind: str) -> None:
        """Draw lines over what is there."""
        for stretch in stretches:
            columns = self._columns(stretch)
            if len(columns) == 1:
                self._dot(*columns[0], kind)
            for (x0, y0), (x1, y1) in pairwise(columns):
                for x, y in _line(x0, y0, x1, y1):
                    if kind is VAL or x // _DASH % 2 == 0:
                        self._dot(x, y, kind)

    def lines(self) -> Iterator[list[Piece]]:
        """Yield the rows, the uppermost first."""
        for row in range(self._height):
            cells = [(column, row) for column in range(self.width)]
            runs = groupby(cells, key=lambda cell: self._kinds.get(cell, AXIS))
            yield [Piece("".join(self._character(cell) for cell in run), kind) for kind, run in runs]

    def _columns(self, stretch: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
        """Return a point for each column of dots that has any: the mean of those in it."""
        wide, high = self.width * _ACROSS - 1, self._height * _DOWN - 1
        columns = groupby(stretch, key=lambda point: round(point[0] * wide))
        found = []
        for column, points in columns:
            heights = [height for _, height in points]
            found.append((column, round((1 - sum(heights) / len(heights)) * high)))
        return found

    def _dot(self, x: int, y: int, kind: str) -> None:
        cell = (x // _ACROSS, y // _DOWN)
        self._cells[cell] = self._cells.get(cell, 0) | _BITS[x % _ACROSS][y % _DOWN]
        self._kinds[cell] = kind

    def _character(self, cell: tuple[int, int]) -> str:
        dots = self._cells.get(cell)
        return chr(_EMPTY + dots) if dots else " "


def _line(x0: int, y0: int, x1: int, y1: int) -> Iterator[tuple[int, int]]:
    """Yield the dots from one point to another that lies right of it, both included and none left out."""
    steps = max(x1 - x0, abs(y1 - y0), 1)
    for step in range(steps + 1):
        yield x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)
