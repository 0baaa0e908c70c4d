"""Every panel asks for what there is, says what it means, and lies where it can be seen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.promql import Linter, recorded
from support.rules import FOLDER, alerts, rules

from dashboards.__main__ import files
from dashboards.boards import BOARDS
from dashboards.grafana import RUNBOOKS, written
from sleap_rtc.observability.instruments import INSTRUMENTS

ROOT = Path(__file__).parents[2]
BUILT = {board.uid: json.loads(written(board)) for board in BOARDS}
PANELS = [(uid, panel) for uid, board in BUILT.items() for panel in board["panels"]]
LINTER = Linter(recorded(rules()))


def named(panel: tuple[str, dict[str, Any]]) -> str:
    return f"{panel[0]}: {panel[1]['title']}"


WRITTEN = files()


@pytest.mark.parametrize("path", sorted(WRITTEN), ids=lambda path: str(path.name))
def test_what_is_committed_is_what_is_generated(path: Path) -> None:
    assert path.read_text("utf-8") == WRITTEN[path], "python -m dashboards"


def test_no_dashboard_is_left_of_one_that_is_gone() -> None:
    boards = {path for path in WRITTEN if path.suffix == ".json"}
    assert set((FOLDER / "grafana" / "dashboards").glob("*")) == boards


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_a_panel_asks_for_series_and_labels_that_there_are(panel: tuple[str, dict[str, Any]]) -> None:
    for target in panel[1]["targets"]:
        looked, labels = LINTER.look(target["expr"])
        assert looked.faults == []
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_a_panel_is_a_question_with_a_unit_and_a_description(panel: tuple[str, dict[str, Any]]) -> None:
    _, told = panel
    assert told["title"].endswith("?")
    assert told["description"].endswith(".")
    assert told["fieldConfig"]["defaults"]["unit"]
    assert len({target["legendFormat"] for target in told["targets"]}) == len(told["targets"])


def test_panels_lead_to_runbooks_of_alerts_that_there_are() -> None:
    known = {alert["alert"] for alert in alerts()}
    for _, panel in PANELS:
        for link in panel.get("links", []):
            assert link["title"] in known
            assert link["url"] == f"{RUNBOOKS}/{link['title']}.md"
            assert (ROOT / "docs" / "runbooks" / f"{link['title']}.md").is_file()


@pytest.mark.parametrize("uid", BUILT)
def test_panels_lie_beside_each_other_and_not_on_top(uid: str) -> None:
    taken = set[tuple[int, int]]()
    for panel in BUILT[uid]["panels"]:
        place = panel["gridPos"]
        cells = {
            (column, row)
            for column in range(place["x"], place["x"] + place["w"])
            for row in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_ids_are_unique() -> None:
    assert len(BUILT) == len(BOARDS) == len({board["title"] for board in BUILT.values()})
    for board in BUILT.values():
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_metric_is_asked_for_somewhere() -> None:
    seen = set[str]()
    for _, panel in PANELS:
        for target in panel["targets"]:
            seen |= LINTER.look(target["expr"])[0].instruments
    assert {instrument.name for instrument in INSTRUMENTS} == seen


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("rate(sleap_rtc_transfer_bytes_total[5m])", "nobody tells sleap_rtc_transfer_bytes_total"),
        ("rate(sleap_rtc_jobs[5m])", "sleap_rtc_jobs is a gauge, which has no rate"),
        (
            "sum(sleap_rtc_cost_usd_total)",
            "sleap_rtc_cost_usd_total only grows: it says something by its rate",
        ),
        ('sleap_rtc_jobs{room="x"}', "sleap_rtc_jobs has no label room"),
        ('sleap_rtc_jobs{state="finished"}', "sleap_rtc_jobs's state is never finished"),
        ("sum by (queue) (sleap_rtc_jobs)", "nothing to aggregate by queue"),
        (
            "histogram_quantile(0.9, sum(rate(sleap_rtc_wake_latency_seconds_bucket[5m])))",
            "histogram_quantile needs buckets, by le",
        ),
        ("sum(sleap_rtc_jobs) / on (state) sum by (state) (sleap_rtc_jobs)", "one side has no state"),
        ("rate(sleap_rtc_queue_lag_seconds[5m])", "nobody tells sleap_rtc_queue_lag_seconds"),
    ],
)
def test_what_prometheus_would_answer_with_nothing_is_found(expr: str, fault: str) -> None:
    assert LINTER.look(expr)[0].faults == [fault]


def test_what_is_no_promql_is_found() -> None:
    assert LINTER.look("sum(")[0].faults
