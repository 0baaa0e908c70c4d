"""What Prometheus answered to every panel, and figures with what they should be."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from dashboards.boards import BOARDS
from support.measured_run import board

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.answers import Prometheus, Series
    from sleap_rtc.observability.instrument import Instrument
    from support.measured_run import Did

_WINDOW = re.compile(r"\[(?:\d+[smh]|\$__rate_interval)\]")
_BEFORE = re.compile(r"\[1d\] offset (?!1w)[^)]+\)")


@dataclass(frozen=True)
class Figure:
    """A figure that a panel shows, and between which bounds it is right.

    Attributes:
        what: a word or two.
        found: what it shows.
        least: less is wrong.
        most: more is wrong.
    """

    what: str
    found: float
    least: float
    most: float

    @property
    def right(self) -> bool:
        """Whether it is, to a millionth."""
        slack = 1e-6 * max(1.0, abs(self.least), abs(self.most))
        return self.least - slack <= self.found <= self.most + slack


Figures = Callable[["Seen"], Iterable[Figure]]


def exact(what: str, found: float, expected: float, within: float = 0.0) -> Figure:
    """Return a figure that is known, to a share of it or to the last unit."""
    return Figure(what, found, expected * (1 - within), expected * (1 + within))


def each(found: Mapping[str, float], expected: Mapping[str, float], within: float = 0.0) -> list[Figure]:
    """Return a figure for everything that is shown or should be; what is not shown is 0."""
    names = sorted({*found, *expected})
    return [exact(name, found.get(name, 0), expected.get(name, 0), within) for name in names]


def all_between(what: str, found: Iterable[float], least: float, most: float) -> list[Figure]:
    """Return the lowest and the highest of what was shown, which is something, between two bounds."""
    shown = list(found) or [math.nan]
    return [
        Figure(f"lowest {what}", min(shown), least, most),
        Figure(f"highest {what}", max(shown), least, most),
    ]


def quantile_of(
    what: str, found: float, instrument: Instrument, rank: float, true: Iterable[float]
) -> Figure:
    """Return a quantile as buckets know it: it lies in the bucket of the true one."""
    ordered = sorted(true)
    value = ordered[min(len(ordered) - 1, max(0, math.ceil(rank * len(ordered)) - 1))]
    place = bisect_left(instrument.buckets, value)
    bounds = (0.0, *instrument.buckets, math.inf)
    return Figure(what, found, bounds[place], bounds[place + 1])


class Seen:
    """What Prometheus answered to every panel, and what the run did."""

    def __init__(self, asked: Prometheus, did: Did) -> None:
        self.asked = asked
        self.did = did
        self._panels = {panel["title"]: panel for built in BOARDS for panel in board(built.uid)["panels"]}
        self._answers = {title: asked.answers(panel, did.span) for title, panel in self._panels.items()}

    @property
    def seconds(self) -> int:
        """How long it all took."""
        return math.ceil(self.did.span.end - self.did.span.start)

    def of_board(self, uid: str) -> dict[int, list[Series]]:
        """Return all answers of a dashboard."""
        return {panel["id"]: self._answers[panel["title"]] for panel in board(uid)["panels"]}

    def answer(self, question: str) -> list[Series]:
        """Return the answer to a question."""
        return self._answers[question]

    def last(self, question: str) -> dict[str, float]:
        """Return what the series of a panel end with."""
        return {one.name: one.last for one in self.answer(question)}

    def highest(self, question: str) -> dict[str, float]:
        """Return the highest that each series of a panel shows."""
        return {one.name: max(value for _, value in one.points) for one in self.answer(question)}

    def values(self, question: str, *names: str) -> list[float]:
        """Return every value that a panel shows, of these series or of all."""
        found = [one for one in self.answer(question) if not names or one.name in names]
        return [value for one in found for _, value in one.points]

    def whole(self, question: str) -> dict[str, float]:
        """Return what a panel with a window of its own would say of the whole run."""
        panel = dict(self._panels[question])
        panel["targets"] = [self._of_the_run(target) for target in panel["targets"]]
        return {one.name: one.last for one in self.asked.answers(panel, self.did.span)}

    def in_all(self, question: str) -> dict[str, float]:
        """Return the sums of the whole run, from a panel of a minute's growth by the second."""
        return {name: value * 60 for name, value in self.whole(question).items()}

    def _of_the_run(self, target: Mapping[str, str]) -> dict[str, object]:
        expr = _WINDOW.sub(f"[{self.seconds}s]", target["expr"])
        return {**target, "instant": True, "expr": _BEFORE.sub(f"[1d] offset {self.seconds}s)", expr)}

    def told(self, counter: str) -> float:
        """Return what processes counted together, those that are gone among them."""
        return self.asked.value(f"sum(max_over_time({counter}[{self.seconds}s]))", self.did.span.end)


def spread(question: str, most: Callable[[Seen], float]) -> Figures:
    """Return what a heatmap shows: each bucket holds what those before it do, and no more than there was."""

    def figures(seen: Seen) -> list[Figure]:
        by_bound = sorted(seen.highest(question).items(), key=lambda bucket: float(bucket[0]))
        steps = [after - before for (_, before), (_, after) in pairwise(by_bound)]
        return [
            *all_between("step from bucket to bucket", steps, 0, math.inf),
            Figure("all of them at once", by_bound[-1][1], 1, most(seen)),
        ]

    return figures
