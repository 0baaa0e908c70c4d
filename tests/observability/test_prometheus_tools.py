"""Prometheus's and Alertmanager's own tools read the rules, fire each alarm, and tell whom they should.

Run with `make test-dashboards`, which installs them where it may.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.engines import running
from support.product import eventually
from support.rules import FOLDER, RULE_FILES, alerts

from sleap_rtc.local.engine import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.prometheus
TESTS = sorted((Path(__file__).parent / "rules").glob("*.yml"))
ALERTMANAGER = FOLDER / "deploy" / "alertmanager.yml"


def said(*command: str) -> str:
    """Run a tool to its end; fail with what it says if it finds fault."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.name))
def test_alarms_fire_when_they_should_and_else_are_silent(path: Path) -> None:
    assert "SUCCESS" in said("promtool", "test", "rules", str(path))


def test_prometheus_takes_the_configuration_and_the_rules(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "deploy" / "prometheus.yml", tmp_path)
    shutil.copytree(FOLDER / "deploy" / "targets", tmp_path / "targets")
    shutil.copytree(FOLDER / "prometheus" / "rules", tmp_path / "rules")
    told = said("promtool", "check", "config", str(tmp_path / "prometheus.yml"))
    assert f"{len(RULE_FILES)} rule files found" in told


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alarm_goes_to_whom_its_severity_says(alert: dict[str, Any]) -> None:
    labels = {"alertname": alert["alert"], **alert["labels"]}
    named = [f"{name}={value}" for name, value in labels.items()]
    receiver = alert["labels"]["severity"]
    routed = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}")
    said("amtool", *routed, *named)


def test_an_alarm_of_no_severity_that_we_know_is_a_ticket() -> None:
    routed = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", "--verify.receivers=ticket")
    said("amtool", *routed, "alertname=Whatever")


class Alertmanager:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v2/alerts"

    def tell(self, *told: dict[str, str]) -> None:
        now = datetime.now(UTC).isoformat()
        body = json.dumps([{"labels": labels, "startsAt": now} for labels in told]).encode()
        asked = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(asked).close()

    def kept_back(self) -> set[tuple[str, str]]:
        """Return the alarms, and of which promise, that nobody is told of, since another says it."""
        with urllib.request.urlopen(self._url) as answer:
            told = json.load(answer)
        silent = [one["labels"] for one in told if one["status"]["inhibitedBy"]]
        return {(labels["alertname"], labels.get("slo", "")) for labels in silent}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    url = f"http://{LOOPBACK}:{free_port()}"
    command = [
        "prometheus-alertmanager",
        f"--config.file={ALERTMANAGER}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with running(command, {}, tmp_path, f"{url}/-/ready"):
        yield Alertmanager(url)


def test_what_follows_from_another_alarm_is_kept_back(alertmanager: Alertmanager) -> None:
    alertmanager.tell(
        {"alertname": "ErrorBudgetBurnsFast", "slo": "api", "severity": "page"},
        {"alertname": "ErrorBudgetBurnsSlowly", "slo": "api", "severity": "ticket"},
        {"alertname": "NoWorkers", "severity": "page"},
        {"alertname": "JobsWaitForWorkers", "severity": "ticket"},
        {"alertname": "DeadLetters", "queue": "jobs", "severity": "ticket"},
    )
    eventually(
        lambda: alertmanager.kept_back() == {("ErrorBudgetBurnsSlowly", "api"), ("JobsWaitForWorkers", "")}
    )


def test_a_promise_is_not_kept_back_for_another(alertmanager: Alertmanager) -> None:
    alertmanager.tell(
        {"alertname": "ErrorBudgetBurnsFast", "slo": "api", "severity": "page"},
        {"alertname": "ErrorBudgetBurnsSlowly", "slo": "jobs", "severity": "ticket"},
        {"alertname": "ErrorBudgetBurnsSlowly", "slo": "api", "severity": "ticket"},
    )
    eventually(lambda: alertmanager.kept_back() == {("ErrorBudgetBurnsSlowly", "api")})
