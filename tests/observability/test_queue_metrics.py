"""What a consumer tells becomes metrics whose labels are a few fixed words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sleap_rtc.events.delivery import Trouble
from sleap_rtc.events.queue_events import (
    Buried,
    GivenBack,
    HandedOver,
    HandleLost,
    HeartbeatFailed,
    QueueEvent,
    Received,
    Retried,
    Settled,
    SlotsChanged,
)
from sleap_rtc.observability.prometheus_meter import PrometheusMeter
from sleap_rtc.observability.queue_metrics import QueueMetrics

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def after(*events: QueueEvent) -> CollectorRegistry:
    meter = PrometheusMeter("worker")
    metrics = QueueMetrics(meter)
    for event in events:
        metrics(event)
    return meter.registry


@pytest.mark.parametrize(
    ("event", "sample", "labels", "value"),
    [
        (Received("jobs", 4.0), "sleap_rtc_queue_messages_total", {"outcome": "received"}, 1),
        (Received("jobs", 4.0), "sleap_rtc_queue_lag_seconds_sum", {}, 4.0),
        (Received("jobs", None), "sleap_rtc_queue_lag_seconds_count", {}, None),
        (Settled("jobs", 9.0), "sleap_rtc_queue_messages_total", {"outcome": "settled"}, 1),
        (Settled("jobs", 9.0), "sleap_rtc_queue_handling_seconds_sum", {}, 9.0),
        (Retried("jobs", Trouble.OUTAGE, 5), "sleap_rtc_queue_retries_total", {"trouble": "outage"}, 1),
        (Retried("jobs", Trouble.OUTAGE, 5), "sleap_rtc_queue_messages_total", {"outcome": "retried"}, 1),
        (Buried("jobs", "not_json"), "sleap_rtc_poison_messages_total", {"reason": "not_json"}, 1),
        (Buried("jobs", "not_json"), "sleap_rtc_queue_messages_total", {"outcome": "buried"}, 1),
        (HandedOver("jobs"), "sleap_rtc_queue_handovers_total", {}, 1),
        (HandleLost("jobs"), "sleap_rtc_queue_messages_total", {"outcome": "lost"}, 1),
        (GivenBack("jobs"), "sleap_rtc_queue_messages_total", {"outcome": "given_back"}, 1),
        (HeartbeatFailed("jobs"), "sleap_rtc_queue_heartbeat_failures_total", {}, 1),
        (SlotsChanged("jobs", 3), "sleap_rtc_queue_slots_in_use", {}, 3),
    ],
)
def test_an_event_is_counted(
    event: QueueEvent, sample: str, labels: dict[str, str], value: float | None
) -> None:
    assert after(event).get_sample_value(sample, {"queue": "jobs", **labels}) == value


def test_events_add_up_and_slots_do_not() -> None:
    registry = after(*[Received("jobs", None)] * 3, SlotsChanged("jobs", 3), SlotsChanged("jobs", 1))
    received = {"queue": "jobs", "outcome": "received"}
    assert registry.get_sample_value("sleap_rtc_queue_messages_total", received) == 3
    assert registry.get_sample_value("sleap_rtc_queue_slots_in_use", {"queue": "jobs"}) == 1
