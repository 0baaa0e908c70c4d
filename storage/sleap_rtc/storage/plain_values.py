"""Pure: values as a record keeps them: single, finite, not long, and not many.

A record is read whole by everybody who looks at its model, so what a trainer writes is not taken over as it
comes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_ENTRIES = 64
LONGEST_TEXT = 200
_LARGEST_INTEGER = 2**53
"""Beyond it the readers of JSON differ."""

Scalar = bool | int | float | str
T = TypeVar("T")


def scalars(values: Mapping[str, Any], most: int = MOST_ENTRIES) -> dict[str, Scalar]:
    """Return the first so many entries that are single values; the others are left out."""
    return _first(values, _is_scalar, most)


def texts(values: Mapping[str, Any], most: int = MOST_ENTRIES) -> dict[str, str]:
    """Return the first so many entries that are texts and not empty."""
    return _first(values, lambda value: isinstance(value, str) and value != "" and _is_scalar(value), most)


def table(values: Mapping[str, Any], most: int = MOST_ENTRIES) -> dict[str, Any]:
    """Return the first so many entries that are single values or short lists of these."""
    return _first(values, lambda value: _is_scalar(value) or _is_short_list(value), most)


def thinned(rows: Sequence[T], most: int) -> tuple[T, ...]:
    """Return at most so many rows, evenly spread, the first and the last among them."""
    if len(rows) <= most:
        return tuple(rows)
    return tuple(rows[index * (len(rows) - 1) // (most - 1)] for index in range(most))


def _first(values: Mapping[str, Any], is_kept: Any, most: int) -> dict[str, Any]:
    kept = [(name, value) for name, value in values.items() if _is_name(name) and is_kept(value)]
    return dict(kept[:most])


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_TEXT


def _is_short_list(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MOST_ENTRIES and all(map(_is_scalar, value))


def _is_scalar(value: object) -> bool:
    match value:
        case bool():
            return True
        case int():
            return abs(value) <= _LARGEST_INTEGER
        case float():
            return math.isfinite(value)
        case str():
            return len(value) <= LONGEST_TEXT
        case _:
            return False
