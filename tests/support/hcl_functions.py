"""The functions and operators of Terraform's language that the modules use."""

from __future__ import annotations

import json
import math
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _merge(*maps: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for each in maps for key, value in each.items()}


def _flatten(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (_flatten(value) if isinstance(value, list) else [value])]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ceil": math.ceil,
    "coalesce": lambda *values: next(value for value in values if value not in {None, ""}),
    "compact": lambda values: [value for value in values if value],
    "concat": lambda *lists: [one for each in lists for one in each],
    "contains": lambda values, value: value in values,
    "distinct": lambda values: list(dict.fromkeys(values)),
    "endswith": str.endswith,
    "flatten": _flatten,
    "floor": math.floor,
    "format": lambda text, *values: text % values,
    "join": lambda between, values: between.join(values),
    "jsonencode": lambda value: json.dumps(value, separators=(",", ":")),
    "keys": sorted,
    "length": len,
    "lower": str.lower,
    "max": max,
    "merge": _merge,
    "min": min,
    "replace": str.replace,
    "sort": sorted,
    "startswith": str.startswith,
    "tolist": list,
    "toset": lambda values: sorted(set(values)),
    "tostring": str,
    "values": lambda of: [of[key] for key in sorted(of)],
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "&&": lambda left, right: left and right,
    "||": lambda left, right: left or right,
}
