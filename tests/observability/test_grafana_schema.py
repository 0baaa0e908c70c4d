"""Grafana's own schema has no fault to find with the dashboards.

Run with `make test-dashboards`, which makes it from Grafana's published types where npm is installed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema_rs
import pytest
from support.rules import FOLDER

SCHEMA = os.environ.get("SLEAP_RTC_TEST_GRAFANA_SCHEMA", "")
BOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
pytestmark = pytest.mark.skipif(
    not SCHEMA, reason="SLEAP_RTC_TEST_GRAFANA_SCHEMA names no folder with Grafana's schema"
)


def faults(what: object, shape: str) -> list[str]:
    """Return what a schema finds wrong."""
    schema = json.loads((Path(SCHEMA) / f"{shape}.json").read_text("utf-8"))
    found = jsonschema_rs.Draft7Validator(schema).iter_errors(what)
    return [f"{error.instance_path}: {error.message[:300]}" for error in found]


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: str(path.stem))
def test_a_dashboard_has_the_shape_that_grafana_wants(path: Path) -> None:
    assert faults(json.loads(path.read_text("utf-8")), "dashboard") == []


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: str(path.stem))
def test_each_panel_has_the_options_of_its_kind(path: Path) -> None:
    for panel in json.loads(path.read_text("utf-8"))["panels"]:
        assert faults(panel["options"], panel["type"]) == [], panel["title"]


def test_the_schema_finds_a_word_that_grafana_does_not_know() -> None:
    board = json.loads(BOARDS[0].read_text("utf-8"))
    assert faults({**board, "colour": "blue"}, "dashboard")
