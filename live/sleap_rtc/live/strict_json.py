"""Pure: JSON as RFC 8259 has it, since what is relayed is read by parsers that are stricter than Python's."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def strict_json(text: str | bytes) -> Any:
    """Read a text.

    Raises:
        ValueError: it is not JSON, has NaN or a number without end in it, or is nested beyond all measure.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError(str(error)) from error


def is_deeper(content: Any, levels: int) -> bool:
    """Tell whether lists and objects are nested deeper than so many levels."""
    level = [content]
    for _ in range(levels):
        level = [
            below
            for value in level
            if isinstance(value, (dict, list))
            for below in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number
