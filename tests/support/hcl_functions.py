"""The functions and operators of Terraform's language that the modules use."""

from __future__ import annotations

import json
import math
import operator
import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _merge(*maps: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for each in maps for key, value in each.items()}


def _filled(path: str, values: Mapping[str, Any]) -> str:
    """Fill a template in, as far as it has names alone."""
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), Path(path).read_text("utf-8"))


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
    "jsondecode": json.loads,
    "jsonencode": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True),
    "keys": sorted,
    "length": len,
    "lower": str.lower,
    "max": max,
    "merge": _merge,
    "min": min,
    "replace": str.replace,
    "one": lambda values: values[0] if values else None,
    "setproduct": lambda *lists: [list(pair) for pair in product(*lists)],
    "sort": sorted,
    "split": lambda between, text: text.split(between),
    "startswith": str.startswith,
    "templatefile": _filled,
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
