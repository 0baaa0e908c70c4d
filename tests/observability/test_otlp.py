"""Spans and metrics at a real collector, and what becomes of them at one that is down, silent or refusing."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.collector import running_collector
from support.jobs import TRACEPARENT

from sleap_rtc.events import tracing
from sleap_rtc.events.span_table import PROCESS_JOB, TRAIN
from sleap_rtc.local.engine import free_port
from sleap_rtc.observability import instruments as table
from sleap_rtc.observability.collector import TelemetryLost
from sleap_rtc.observability.instrument import Kind
from sleap_rtc.observability.telemetry import Telemetry
from sleap_rtc.storage.telling import Fact, listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.collector import Collector

TRACE = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
SOON_S = 0.2


class Process:
    """A process that sends telemetry, and what it said."""

    def __init__(self, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        self.said: list[str] = []
        self.telemetry = Telemetry("worker", environment, self.said.append)

    def work(self) -> None:
        """Take a few steps, and measure."""
        hook = self.telemetry.on_span
        with (
            tracing.begun(PROCESS_JOB, "worker", hook, {"sleap_rtc.attempt": 2}, links=(TRACEPARENT,)),
            tracing.child(TRAIN, {"sleap_rtc.model.type": "centroid"}),
        ):
            pass
        for meter in self.telemetry.meters:
            meter.add(table.TRANSFER_SIZE, 7, direction="upload", path="internet", content="model")
            meter.add(table.TRANSFER_SIZE, 5, direction="upload", path="internet", content="model")
            meter.set(table.WORKER_BUSY, 1)
            meter.record(table.EPOCH_DURATION, 3.0)


@pytest.fixture
def lost() -> Iterator[list[str]]:
    """Of which signal each batch was that no collector took."""
    signals: list[str] = []

    def hear(fact: Fact) -> None:
        if isinstance(fact, TelemetryLost):
            signals.append(fact.signal)

    end = listen(hear)
    yield signals
    end()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


def test_spans_arrive_with_their_ids_links_kinds_and_service(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, lost: list[str]
) -> None:
    process = Process(collector.environment | {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=mine"}, monkeypatch)
    process.work()
    process.telemetry.close()
    (_, train), (service, attempt) = collector.spans()
    assert (service, attempt.name, attempt.kind) == ("sleap-rtc-worker", "process jobs", 5)
    assert (attempt.trace_id, attempt.parent_span_id, train.parent_span_id) == (TRACE, b"", attempt.span_id)
    assert [(link.trace_id, link.span_id.hex()) for link in attempt.links] == [(TRACE, "00f067aa0ba902b7")]
    assert {each.key: each.value.int_value for each in attempt.attributes} == {"sleap_rtc.attempt": 2}
    assert train.start_time_unix_nano <= train.end_time_unix_nano
    assert collector.headers[0]["x-key"] == "mine"
    assert (process.said, lost) == ([], [])


def test_a_step_that_failed_has_the_status_of_an_error(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(collector.environment, monkeypatch)
    with pytest.raises(OSError, match="full"), tracing.begun(TRAIN, "worker", process.telemetry.on_span, {}):
        raise OSError("full")
    process.telemetry.close()
    ((_, span),) = collector.spans()
    assert (span.status.code, span.attributes[0].value.string_value) == (2, "OSError")


def test_metrics_arrive_as_the_table_has_them(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(collector.environment, monkeypatch)
    process.work()
    process.telemetry.close()
    measured = collector.measured()
    sent = measured[table.TRANSFER_SIZE.name]
    (point,) = sent.sum.data_points
    assert (point.as_double or point.as_int, sent.unit, sent.sum.is_monotonic) == (12, "By", True)
    labels = {each.key: each.value.string_value for each in point.attributes}
    assert labels == {"direction": "upload", "path": "internet", "content": "model"}
    (busy,) = measured[table.WORKER_BUSY.name].gauge.data_points
    assert busy.as_double or busy.as_int == 1
    (epochs,) = measured[table.EPOCH_DURATION.name].histogram.data_points
    assert tuple(epochs.explicit_bounds) == table.EPOCH_DURATION.buckets
    assert (epochs.count, epochs.sum) == (1, 3.0)


def test_every_metric_of_the_table_can_be_measured(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(collector.environment, monkeypatch)
    (meter,) = process.telemetry.meters
    for each in table.INSTRUMENTS:
        labels = {label.name: min(label.values) for label in each.labels}
        {Kind.COUNTER: meter.add, Kind.GAUGE: meter.set, Kind.HISTOGRAM: meter.record}[each.kind](
            each, 1, **labels
        )
    process.telemetry.close()
    assert set(collector.measured()) == {each.name for each in table.INSTRUMENTS}


def test_labels_have_the_names_of_the_semantic_conventions(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(collector.environment, monkeypatch)
    (meter,) = process.telemetry.meters
    meter.record(table.HTTP_DURATION, 0.1, method="GET", area="jobs", status="2xx")
    process.telemetry.close()
    (point,) = collector.measured()["http.server.request.duration"].histogram.data_points
    names = {each.key for each in point.attributes}
    assert names == {"http.request.method", "area", "http.response.status_code"}


SENTENCE = "The collector of OTEL_EXPORTER_OTLP_ENDPOINT takes no telemetry"


def assert_said_once_and_counted(process: Process, lost: list[str], caplog: pytest.LogCaptureFixture) -> None:
    assert len(process.said) == 1
    assert process.said[0].startswith(SENTENCE)
    assert {"traces", "metrics"} == set(lost)
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_one_that_refuses_is_spoken_of_once(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lost: list[str],
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    collector.status = status
    process = Process(collector.environment, monkeypatch)
    process.work()
    process.telemetry.close(SOON_S)
    assert_said_once_and_counted(process, lost, caplog)


def test_one_that_is_down_is_spoken_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lost: list[str]
) -> None:
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    process = Process(nowhere, monkeypatch)
    process.work()
    process.telemetry.close(SOON_S)
    assert_said_once_and_counted(process, lost, caplog)


def test_one_that_never_answers_is_not_waited_for(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lost: list[str],
) -> None:
    collector.silent.set()
    process = Process(collector.environment, monkeypatch)
    for _ in range(3000):
        process.work()
    process.telemetry.close(SOON_S)  # its requests are answered only once the test is over
    assert collector.came.acquire(timeout=30)
    assert_said_once_and_counted(process, lost, caplog)


def test_without_a_collector_nothing_is_sent_and_nothing_is_loaded() -> None:
    script = (
        "import sys\n"
        "from sleap_rtc.observability.telemetry import Telemetry\n"
        "telemetry = Telemetry('client', {}, print)\n"
        "telemetry.on_span(None)\n"
        "telemetry.close()\n"
        "print(telemetry.meters, [name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert told.stdout == "() []\n"


@pytest.mark.parametrize(("signal", "there"), [("TRACES", (True, 0)), ("METRICS", (False, 1))])
def test_a_collector_may_be_named_for_one_of_the_two(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, signal: str, there: tuple[bool, int]
) -> None:
    place = {f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT": f"{collector.url}/v1/{signal.lower()}"}
    process = Process(place, monkeypatch)
    process.work()
    process.telemetry.close()
    assert (bool(collector.spans()), len(process.telemetry.meters)) == there
