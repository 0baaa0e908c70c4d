"""Pure: what a dashboard is made of: questions, each with what answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["timeseries", "stat", "bargauge", "table", "heatmap"]
Colour = Literal["green", "yellow", "orange", "red", "blue"]


@dataclass(frozen=True)
class Query:
    """One expression of PromQL, and how its series are called; `{{queue}}` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One question.

    Attributes:
        question: its title.
        form: how the answer is drawn.
        unit: of Grafana's units.
        description: what it counts, and what is not in it.
        queries: what is asked of Prometheus.
        thresholds: from which value on it has which colour; below the first it is green.
        runbooks: the alerts that watch the same, whose pages say what to do.
        width: of 24 columns.
        most: where the axis ends, for shares.
    """

    question: str
    form: Form
    unit: str
    description: str
    queries: tuple[Query, ...]
    thresholds: tuple[tuple[float, Colour], ...] = ()
    runbooks: tuple[str, ...] = ()
    width: int = 12
    most: float | None = None

    @property
    def height(self) -> int:
        """Its height in Grafana's rows."""
        return 4 if self.form == "stat" else 8


@dataclass(frozen=True)
class Board:
    """One dashboard.

    Attributes:
        uid: what links name it by.
        title: as it stands in the list.
        about: one sentence.
        panels: in reading order.
        spans: for how long it looks back when it is opened.
    """

    uid: str
    title: str
    about: str
    panels: tuple[Panel, ...]
    spans: str = "now-6h"
