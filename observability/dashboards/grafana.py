"""Pure: a board as Grafana wants it, by Grafana's own builders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    GridPos,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboards.panel import Board, Panel

COLUMNS = 24
RUNBOOKS = "/public/docs/runbooks"
"""Where the operator's Grafana has the repository's docs: the compose file mounts them there."""
_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_AT_ONCE = {"stat", "bargauge", "table"}
"""Answered by one value a series and not by a curve."""


def written(board: Board, tag: str = "sleap-rtc") -> str:
    """Return the dashboard as JSON, the same for the same board."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags([tag])
        .time(board.spans, "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .link(
            dashboard.DashboardLink("sleap-rtc")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([tag])
            .as_dropdown(True)
            .keep_time(True)
        )
    )
    left, top, lowest = 0, 0, 0
    for number, panel in enumerate(board.panels, 1):
        if left + panel.width > COLUMNS:
            left, top = 0, lowest
        place = GridPos(h=panel.height, w=panel.width, x=left, y=top)
        built = built.with_panel(_panel(panel).id(number).grid_pos(place))
        left, lowest = left + panel.width, max(lowest, top + panel.height)
    told = json.loads(JSONEncoder().encode(built.build()))
    for variable in told["templating"]["list"]:
        for surplus in ("auto", "auto_count", "auto_min"):  # of intervals alone, says Grafana's schema
            variable.pop(surplus, None)
    for shown in told["panels"]:
        shown["options"].pop("footer", None)  # of tables; newer ones know it no more
    return json.dumps(told, sort_keys=True, indent=1) + "\n"


def _panel(panel: Panel) -> Any:
    """Return the panel's builder, all but its place."""
    built: Any = _FORMS[panel.form]()
    built = (
        built.title(panel.question)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .no_value("nothing yet")
        .links(
            [
                dashboard.DashboardLink(name).type(DashboardLinkType.LINK).url(f"{RUNBOOKS}/{name}.md")
                for name in panel.runbooks
            ]
        )
    )
    if panel.most is not None:
        built = built.min(0).max(panel.most)
    if panel.thresholds:
        built = built.thresholds(_thresholds(panel))
        if panel.form == "timeseries":
            style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
            built = built.thresholds_style(style)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        asked = (
            prometheus.Dataquery()
            .ref_id(letter)
            .expr(query.expr)
            .legend_format(query.legend)
            .datasource(_SOURCE)
        )
        asked = asked.instant() if panel.form in _AT_ONCE else asked.range()
        if panel.form == "heatmap":
            asked = asked.format(PromQueryFormat.HEATMAP)
        built = built.with_target(asked)
    return built


def _thresholds(panel: Panel) -> Any:
    steps = [
        Threshold(value=None, color="green"),
        *(Threshold(value, colour) for value, colour in panel.thresholds),
    ]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _last() -> Any:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _timeseries() -> Any:
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
        .show_legend(True)
    )
    return timeseries.Panel().legend(legend).fill_opacity(10).axis_soft_min(0)


def _stat() -> Any:
    return stat.Panel().reduce_options(_last())


def _bargauge() -> Any:
    return bargauge.Panel().reduce_options(_last()).orientation(VizOrientation.HORIZONTAL).min(0)


def _heatmap() -> Any:
    axis = heatmap.YAxisConfig()
    return heatmap.Panel().calculate(False).y_axis(axis)


def _table() -> Any:
    """A row for each series: what it is called, and its value."""
    rows = DataTransformerConfig(id_val="reduce", options={"reducers": ["lastNotNull"]})
    return table.Panel().with_transformation(rows).show_header(True).frame_index(0)


_FORMS: dict[str, Callable[[], Any]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "bargauge": _bargauge,
    "heatmap": _heatmap,
    "table": _table,
}
