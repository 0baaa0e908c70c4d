"""Adapter: what a Prometheus answers to the questions of a dashboard, as Grafana would ask them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Series:
    """One series of an answer.

    Attributes:
        name: as the legend spells it.
        labels: all of them.
        points: time in seconds since 1970, and value; none that is not a number.
    """

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Span:
    """What time a dashboard shows, in seconds since 1970, and how finely.

    Attributes:
        start: from here.
        end: to here.
        step_s: seconds between two points.
        rate_s: what stands for `$__rate_interval`.
    """

    start: float
    end: float
    step_s: float
    rate_s: float

    def filled_in(self, expr: str) -> str:
        """Return an expression with times for Grafana's variables."""
        ranged = f"{math.ceil(self.end - self.start)}s"
        return expr.replace("$__rate_interval", f"{math.ceil(self.rate_s)}s").replace("$__range", ranged)


class Prometheus:
    """One that runs.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager()

    def answers(self, panel: Mapping[str, Any], span: Span) -> list[Series]:
        """Return what it says to a panel of a dashboard's JSON; nothing if it has no data.

        Raises:
            ValueError: it does not understand the question.
        """
        found: list[Series] = []
        for target in panel["targets"]:
            expr = span.filled_in(target["expr"])
            if target.get("instant"):
                rows = self.ask("query", query=expr, time=span.end)
            else:
                rows = self.ask("query_range", query=expr, start=span.start, end=span.end, step=span.step_s)
            found += [series for row in rows if (series := _series(row, target["legendFormat"])).points]
        return found

    def value(self, expr: str, at: float | None = None) -> float:
        """Return the sum of what an expression says now, or at a time; 0 where it says nothing."""
        rows = self.ask("query", query=expr, **({} if at is None else {"time": at}))
        return sum(float(row["value"][1]) for row in rows)

    def ask(self, way: str, **fields: str | float) -> list[dict[str, Any]]:
        """Return the rows of an answer.

        Raises:
            ValueError: it does not understand the question.
        """
        sent = {name: str(value) for name, value in fields.items()}
        answer = self._pool.request("POST", f"{self._url}/api/v1/{way}", fields=sent, encode_multipart=False)
        told = json.loads(answer.data)
        if told["status"] != "success":
            raise ValueError(f"{told['error']}: {fields['query']}")
        return list(told["data"]["result"])


def _series(row: Mapping[str, Any], legend: str) -> Series:
    labels: dict[str, str] = row["metric"]
    name = re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), legend)
    told = row["values"] if "values" in row else [row["value"]]
    points = [(float(time), float(value)) for time, value in told]
    return Series(name, labels, tuple(point for point in points if math.isfinite(point[1])))
