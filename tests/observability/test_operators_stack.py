"""What operators start beside the product fits together, listens on loopback alone, and holds no secret."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from support.rules import FOLDER, alerts

from dashboards.slos import BURNS, OURS, SLOS
from sleap_rtc.observability.instruments import INSTRUMENTS

DEPLOY = FOLDER / "deploy"
FILES = sorted([*DEPLOY.rglob("*.yml"), *(FOLDER / "grafana" / "provisioning").rglob("*.yml")])
ROOT = FOLDER.parent


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


SERVICES = read("compose.yml")["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_pinned_and_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z-]+/[a-z-]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_listens_or_looks_beyond_loopback(path: Any) -> None:
    addresses = re.findall(r"(?:\d+\.){3}\d+", path.read_text("utf-8"))
    assert set(addresses) <= {"127.0.0.1"}
    assert "localhost" not in path.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_there_is_no_secret(path: Any) -> None:
    for line in path.read_text("utf-8").splitlines():
        key = line.partition("#")[0].partition(":")[0]
        assert not re.search(r"password|token|secret|api_?key|credential", key, re.IGNORECASE), line


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    named = read("compose.yml")["volumes"]
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert source in named or (DEPLOY / source).resolve().exists()


def test_prometheus_scrapes_by_the_names_that_the_rules_have() -> None:
    jobs = {scrape["job_name"] for scrape in read("prometheus.yml")["scrape_configs"]}
    named = {job for alert in alerts() for job in re.findall(r'job="([^"]+)"', alert["expr"])}
    assert named
    assert named <= jobs


def test_prometheus_scrapes_where_the_others_listen() -> None:
    targets = {
        target
        for scrape in read("prometheus.yml")["scrape_configs"]
        for found in scrape.get("static_configs", [])
        for target in found["targets"]
    }
    collector = read("collector.yml")["exporters"]["prometheus"]["endpoint"]
    pushgateway = SERVICES["pushgateway"]["command"][0].partition("=")[2]
    assert targets == {collector, pushgateway}


def test_what_is_kept_back_for_another_alarm_are_alarms() -> None:
    names = {alert["alert"] for alert in alerts()}
    for rule in read("alertmanager.yml")["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            for pattern in re.findall(r'"([^"]+)"', matcher)[0].split("|"):
                assert any(re.fullmatch(pattern, name) for name in names), pattern


def test_the_collector_gives_prometheus_our_own_labels() -> None:
    _, points = read("collector.yml")["processors"]["transform"]["metric_statements"]
    renamed = {
        (label.attribute, label.name) for one in INSTRUMENTS for label in one.labels if label.attribute
    }
    assert renamed
    wanted = {
        f'set(attributes["{name}"], attributes["{attribute}"]) where attributes["{attribute}"] != nil'
        for attribute, name in renamed
    } | {f'delete_key(attributes, "{attribute}")' for attribute, _ in renamed}
    assert set(points["statements"]) == wanted


def test_the_page_of_promises_says_what_the_rules_do() -> None:
    page = (ROOT / "docs" / "slos.md").read_text("utf-8")
    for slo in SLOS:
        assert f"| `{slo.name}` | {slo.promise} | {slo.least} |" in page
    assert all(f"`{code}`" in page for code in OURS)
    for burn in BURNS:
        link = f"[{burn.alert}](runbooks/{burn.alert}.md)"
        times = f"{burn.factor:g} times too fast"
        assert f"| {link} | {burn.severity} | {times} | {burn.long} | {burn.short} |" in page
