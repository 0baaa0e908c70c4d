"""Adapter: draws a dashboard from what a Prometheus answered, for where there is no Grafana."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dashboards.units import spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from dashboards.answers import Series

_BACK, _PAPER, _INK, _DIM = "#111217", "#181b1f", "#d8d9dc", "#8e8f94"
_LINES = ("#73bf69", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#fade2a", "#37c2b8", "#a0a4ab", "#c0724a")
_COLOURS = {"green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
_COLUMN_IN, _ROW_IN = 0.62, 0.42
_MOST_ROWS = 9
_SETTINGS: Any = {
    "svg.hashsalt": "sleap-rtc",
    "svg.fonttype": "none",
    "font.size": 8,
    "text.parse_math": False,
}


def draw(board: Mapping[str, Any], answers: Mapping[int, Sequence[Series]], path: Path) -> None:
    """Draw a dashboard.

    Args:
        board: its JSON, as Grafana has it.
        answers: what was answered, by the id of the panel.
        path: where to; `.svg` and `.png` are written as such.
    """
    panels = board["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(24 * _COLUMN_IN, (rows + 2) * _ROW_IN), facecolor=_BACK, dpi=90)
        figure.text(0.01, 1 - 0.8 / (rows + 2), board["title"], color=_INK, size=15, va="center")
        for panel in panels:
            place = panel["gridPos"]
            top = 1 - (place["y"] + 2) / (rows + 2)
            height = place["h"] / (rows + 2)
            box = (place["x"] / 24 + 0.003, top - height + 0.25 / (rows + 2))
            size = (place["w"] / 24 - 0.006, height - 0.3 / (rows + 2))
            _panel(figure, panel, answers.get(panel["id"], ()), box, size)
        figure.savefig(path, facecolor=_BACK, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panel(
    figure: Figure,
    panel: Mapping[str, Any],
    series: Sequence[Series],
    box: tuple[float, float],
    size: tuple[float, float],
) -> None:
    """Draw one panel into its place: left and lower edge, width and height, as shares of the figure."""
    paper = figure.add_axes((*box, *size), facecolor=_PAPER)
    paper.set(xticks=[], yticks=[])
    for spine in paper.spines.values():
        spine.set_color("#2c3235")
    inches = size[1] * figure.get_figheight()
    paper.text(
        0.012, 1 - 0.08 / inches, panel["title"], color=_INK, va="top", transform=paper.transAxes, size=9
    )
    if not series:
        said = panel["fieldConfig"]["defaults"]["noValue"]
        paper.text(0.5, 0.45, said, color=_DIM, ha="center", transform=paper.transAxes)
        return
    _FORMS[panel["type"]](paper, panel, series)


def _inner(paper: Axes, left: float, bottom: float, width: float, height: float) -> Axes:
    axes = paper.inset_axes((left, bottom, width, height), facecolor=_PAPER)
    axes.tick_params(colors=_DIM, labelsize=7, length=2)
    for name, spine in axes.spines.items():
        spine.set_color("#2c3235")
        spine.set_visible(name in {"left", "bottom"})
    return axes


def _timed(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"))
    axes.locator_params(axis="x", nbins=5)


def _timeseries(paper: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    shown = sorted(series, key=lambda one: max(value for _, value in one.points), reverse=True)
    unit = _unit(panel)
    axes = _inner(paper, 0.09, 0.13, 0.55, 0.70)
    for one, colour in zip(shown, cycle(_LINES), strict=False):
        times, values = zip(*one.points, strict=True)
        axes.plot(times, values, color=colour, linewidth=1.1, marker="." if len(times) == 1 else "")
    low, high = axes.get_ylim()
    axes.set_ylim(min(0, low), max(high, panel["fieldConfig"]["defaults"].get("max", 0), 1e-9))
    for at, colour in _steps(panel):
        if at < axes.get_ylim()[1]:
            axes.axhline(at, color=colour, linewidth=0.8, linestyle="--")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: unit(value)))
    axes.locator_params(axis="y", nbins=5)
    axes.grid(axis="y", color="#24272c", linewidth=0.6)
    _timed(axes)
    for row, (one, colour) in enumerate(zip(shown[:_MOST_ROWS], cycle(_LINES), strict=False)):
        y = 0.82 - row * 0.085
        most = max(value for _, value in one.points)
        paper.text(0.67, y, "—", color=colour, va="center", transform=paper.transAxes)
        paper.text(0.695, y, one.name[:30], color=_INK, va="center", size=7, transform=paper.transAxes)
        paper.text(
            0.985, y, unit(most), color=_DIM, va="center", ha="right", size=7, transform=paper.transAxes
        )
    if len(shown) > _MOST_ROWS:
        rest = f"and {len(shown) - _MOST_ROWS} more"
        paper.text(0.695, 0.82 - _MOST_ROWS * 0.085, rest, color=_DIM, size=7, transform=paper.transAxes)


def _stat(paper: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    unit = _unit(panel)
    for column, one in enumerate(series):
        x = (column + 0.5) / len(series)
        colour = _colour(panel, one.last)
        paper.text(
            x,
            0.42,
            unit(one.last),
            color=colour,
            size=17,
            ha="center",
            va="center",
            transform=paper.transAxes,
        )
        paper.text(x, 0.12, one.name, color=_DIM, size=7, ha="center", transform=paper.transAxes)


def _bargauge(paper: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    unit = _unit(panel)
    shown = sorted(series, key=lambda one: one.last)[-12:]
    axes = _inner(paper, 0.34, 0.06, 0.50, 0.78)
    most = panel["fieldConfig"]["defaults"].get("max") or max(*(one.last for one in shown), 1e-9)
    for row, one in enumerate(shown):
        axes.barh(row, most, color="#22252b", height=0.6)
        axes.barh(row, max(0.0, min(one.last, most)), color=_colour(panel, one.last), height=0.6)
        axes.text(most * 1.02, row, unit(one.last), color=_INK, va="center", size=7)
    axes.set_yticks(range(len(shown)), [one.name for one in shown])
    axes.set(xticks=[], xlim=(0, most), ylim=(-0.7, max(3, len(shown)) - 0.3))
    axes.spines[:].set_visible(False)


def _table(paper: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    unit = _unit(panel)
    shown = sorted(series, key=lambda one: -one.last)[:11]
    for row, one in enumerate(shown):
        y = 0.80 - row * 0.075
        paper.text(0.03, y, one.name, color=_INK, size=7.5, transform=paper.transAxes)
        paper.text(0.97, y, unit(one.last), color=_INK, ha="right", size=7.5, transform=paper.transAxes)


def _heatmap(paper: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    """Buckets hold what is below them as well: a row has what the next lower has not."""
    unit = _unit(panel)
    rows = sorted(series, key=lambda one: float(one.labels["le"]))
    times = sorted({time for one in rows for time, _ in one.points})
    found = [dict(one.points) for one in rows]
    cumulated = np.array([[row.get(time, 0.0) for time in times] for row in found])
    cells = np.diff(cumulated, axis=0, prepend=0).clip(min=0)
    axes = _inner(paper, 0.09, 0.13, 0.87, 0.70)
    shown = np.ma.masked_less_equal(cells, 1e-9)
    axes.imshow(
        shown,
        aspect="auto",
        origin="lower",
        cmap="YlOrRd",
        interpolation="nearest",
        extent=(times[0], times[-1] + 1e-3, 0, len(rows)),
    )
    bounds = [float(one.labels["le"]) for one in rows]
    names = ["more" if np.isinf(bound) else f"≤ {unit(bound)}" for bound in bounds]
    axes.set_yticks(np.arange(len(rows)) + 0.5, names)
    _timed(axes)


_FORMS: dict[str, Callable[[Axes, Mapping[str, Any], Sequence[Series]], None]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "bargauge": _bargauge,
    "table": _table,
    "heatmap": _heatmap,
}


def _steps(panel: Mapping[str, Any]) -> list[tuple[float, str]]:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    return [(step["value"], _COLOURS[step["color"]]) for step in steps if step.get("value") is not None]


def _colour(panel: Mapping[str, Any], value: float) -> str:
    passed = [colour for at, colour in _steps(panel) if value >= at]
    return passed[-1] if passed else _COLOURS["green"]


def _unit(panel: Mapping[str, Any]) -> Callable[[float], str]:
    name = panel["fieldConfig"]["defaults"]["unit"]
    return lambda value: spelled(value, name)
