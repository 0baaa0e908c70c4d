"""Every rule asks for what there is; every alarm says what it means, leads to what to do, and is tested."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.promql import Linter, recorded
from support.rules import alerts, rules

from dashboards.boards import BOARDS

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
TESTS = sorted((Path(__file__).parent / "rules").glob("*.yml"))
LINTER = Linter(recorded(rules()))
NAMES = sorted({alert["alert"] for alert in alerts()})


@cache
def expected() -> list[tuple[str, bool]]:
    """Return of which alarm promtool is told that it must fire, or must not."""
    found = []
    for path in TESTS:
        for case in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for question in case["promql_expr_test"]:
                match = re.search(r'alertname="(\w+)"', question["expr"])
                assert match
                found.append((match[1], bool(question["exp_samples"])))
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_series_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    assert LINTER.look(rule["expr"])[0].faults == []


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alarm_says_how_urgent_it_is_and_where_to_look(alert: dict[str, Any]) -> None:
    said = alert["annotations"]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert set(said) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert said["description"].endswith(".")
    assert said["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"
    assert (ROOT / said["runbook_url"]).is_file()
    assert said["dashboard_url"].removeprefix("/d/") in {board.uid for board in BOARDS}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alarm_names_only_labels_that_it_has(alert: dict[str, Any]) -> None:
    _, labels = LINTER.look(alert["expr"])
    for text in alert["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels | set(alert["labels"])


@pytest.mark.parametrize("name", NAMES)
def test_an_alarm_is_tested_firing_and_silent(name: str) -> None:
    assert {fires for alert, fires in expected() if alert == name} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_answers_the_same_five_questions(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    headings = ("What it means.", "What users notice.", "Look here.", "Do this.", "It is over when")
    places = [page.find(f"**{heading}**") for heading in headings]
    assert places == sorted(places)
    assert places[0] > 0
    severities = {alert["labels"]["severity"] for alert in alerts() if alert["alert"] == name}
    assert {f"`{severity}`" for severity in severities} == {page.splitlines()[2].split(":")[0]}


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_names_commands_and_panels_that_there_are(name: str) -> None:
    page = " ".join((RUNBOOKS / f"{name}.md").read_text("utf-8").split())
    known = set(
        re.findall(r"^\| `(sleap-rtc [^`]+)`", (ROOT / "docs/reference/commands.md").read_text(), re.M)
    )
    for command in re.findall(r"`(sleap-rtc [^`]+)`", page):
        assert any(command == one or command.startswith(f"{one} ") for one in known), command
    questions = {panel.question for board in BOARDS for panel in board.panels}
    assert set(re.findall(r"\*([^*]+\?)\*", page)) <= questions


def test_no_runbook_is_left_of_an_alarm_that_is_gone() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_dashboards_lists_every_alarm(name: str) -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text("utf-8")
    severity = next(alert["labels"]["severity"] for alert in alerts() if alert["alert"] == name)
    assert f"| [{name}](runbooks/{name}.md) | {severity} |" in page
