"""Pure: percentiles of what was measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(measured: Sequence[float], percent: float) -> float:
    """Return the smallest measured value that so many percent of all do not exceed (nearest rank).

    Args:
        measured: at least one value, in any order.
        percent: above 0, at most 100.
    """
    rank = math.ceil(len(measured) * percent / 100)
    return sorted(measured)[max(rank, 1) - 1]
