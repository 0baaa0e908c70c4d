"""Pure: numbers as a line of little bars."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.client.loss_curve import Scale

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], scale: Scale, width: int) -> str:
    """Return a bar for each value, or for each few of them where there are more than the width.

    Args:
        values: within the scale; None for a gap.
        scale: what the lowest and the highest bar stand for.
        width: the most characters that may be used.
    """
    columns = min(width, len(values))
    borders = [index * len(values) // columns for index in range(columns)] + [len(values)] if columns else []
    return "".join(_bar(values[start:end], scale) for start, end in pairwise(borders))


def _bar(values: Sequence[float | None], scale: Scale) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return " "
    mean = sum(value / len(there) for value in there)
    place = scale.place(min(max(mean, scale.low), scale.high))
    return BARS[min(int(place * len(BARS)), len(BARS) - 1)]
