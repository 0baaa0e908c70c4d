"""A collector beside the whole product: what comes to it, and what a bad one does to the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.collector import running_collector
from support.product import Product, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.collector import Collector

    from sleap_rtc.events.spans import Span

FAST = ("--set", "trainer_config.max_epochs=2")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with running_collector() as collector:
        for name, value in collector.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SLEAP_RTC_ENVIRONMENT", "staging")
        yield collector


@pytest.fixture
def observed(collector: Collector, tmp_path: Path) -> Iterator[Product]:
    """Return a product all of whose processes know the collector."""
    del collector
    product = Product(tmp_path)
    with product.stack:
        yield product


def story(product: Product, package: Path) -> tuple[str, str]:
    """Train a model; return the room, and what the command said on standard error."""
    room = product.new_room()
    worker = product.worker(room)
    trained = product.run("client-train", "-p", str(package), "-r", room, *FAST, "--json")
    assert trained.status == 0, trained.err
    worker.stop()
    return room, trained.err


def test_the_spans_of_every_part_come_to_it_as_they_are_kept(
    observed: Product, collector: Collector, small_package: Path
) -> None:
    room, said = story(observed, small_package)
    assert said == ""
    job = observed.job(room)
    trace = job["traceparent"].split("-")[1]

    def arrived() -> dict[str, str]:
        return {
            span.span_id.hex(): service for service, span in collector.spans() if span.trace_id.hex() == trace
        }

    def kept() -> list[Span]:
        return observed.service.job_trace(room, job["job_id"]).spans

    eventually(lambda: any(span.name == "process model-events" for span in kept()))
    eventually(lambda: {span.span_id: f"sleap-rtc-{span.part}" for span in kept()} == arrived())
    assert set(arrived().values()) == {"sleap-rtc-client", "sleap-rtc-service", "sleap-rtc-worker"}


def test_one_that_never_answers_costs_no_job_and_is_spoken_of_once_by_each_process(
    observed: Product, collector: Collector, small_package: Path
) -> None:
    collector.silent.set()
    room, said = story(observed, small_package)
    assert observed.job(room)["state"] == "published"
    assert len(said.splitlines()) == 1
    assert said.startswith("sleap-rtc: The collector of OTEL_EXPORTER_OTLP_ENDPOINT takes no telemetry")
    log = (observed.stack.folder / "log" / f"worker-{room}.log").read_text("utf-8")
    events = [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]
    assert events.count("collector.away") == 1
    assert {"worker.ready", "job.step", "transfer.done"} <= set(events)


def test_one_that_refuses_is_spoken_of_once(
    observed: Product, collector: Collector, small_package: Path
) -> None:
    collector.status = 503
    _, said = story(observed, small_package)
    assert len(said.splitlines()) == 1


def test_a_command_without_a_trace_tells_its_metrics_as_well(
    observed: Product, collector: Collector, small_package: Path
) -> None:
    sent = observed.run("uploads", "put", str(small_package), "-r", observed.new_room())
    assert (sent.status, sent.err) == (0, "")
    size = collector.measured()["sleap_rtc.transfer.size"]
    assert (
        sum(point.as_int or point.as_double for point in size.sum.data_points) == small_package.stat().st_size
    )
