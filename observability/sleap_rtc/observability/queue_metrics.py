"""Adapter: turns what a consumer tells its hook into Prometheus metrics.

Every label is one of a few fixed words: the queue's role, an outcome, a reason code; never a room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

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

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# From a wake-up that is due within ten seconds to a training that takes a day.
_LAG_S = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400)
_HANDLING_S = (0.05, 0.2, 1, 5, 30, 120, 600, 1800, 3600, 10_800, 43_200, 86_400)


class QueueMetrics:
    """A hook for consumers. One serves all consumers of a process.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._messages = Counter(
            "sleap_rtc_queue_messages_total",
            "Messages by what became of them.",
            ("queue", "outcome"),
            registry=registry,
        )
        self._retries = Counter(
            "sleap_rtc_queue_retries_total",
            "Messages to be tried again, by the kind of trouble.",
            ("queue", "trouble"),
            registry=registry,
        )
        self._poison = Counter(
            "sleap_rtc_poison_messages_total",
            "Messages moved to the dead letters, by reason code.",
            ("queue", "reason"),
            registry=registry,
        )
        self._lag = Histogram(
            "sleap_rtc_queue_lag_seconds",
            "How long messages lay on the queue before their first receipt.",
            ("queue",),
            buckets=_LAG_S,
            registry=registry,
        )
        self._handling = Histogram(
            "sleap_rtc_queue_handling_seconds",
            "How long settled messages were handled.",
            ("queue",),
            buckets=_HANDLING_S,
            registry=registry,
        )
        self._handovers = Counter(
            "sleap_rtc_queue_handovers_total",
            "Messages replaced by a continuation before SQS's 12 hours were over.",
            ("queue",),
            registry=registry,
        )
        self._heartbeat_failures = Counter(
            "sleap_rtc_queue_heartbeat_failures_total",
            "Heartbeats that did not get through.",
            ("queue",),
            registry=registry,
        )
        self._slots = Gauge(
            "sleap_rtc_queue_slots_in_use",
            "Messages being handled now.",
            ("queue",),
            registry=registry,
        )

    def __call__(self, event: QueueEvent) -> None:
        """Count one event."""
        queue = event.queue
        match event:
            case Received(lag_s=lag_s):
                self._messages.labels(queue, "received").inc()
                if lag_s is not None:
                    self._lag.labels(queue).observe(lag_s)
            case Settled(seconds=seconds):
                self._messages.labels(queue, "settled").inc()
                self._handling.labels(queue).observe(seconds)
            case Retried(trouble=trouble):
                self._messages.labels(queue, "retried").inc()
                self._retries.labels(queue, trouble.value).inc()
            case Buried(code=code):
                self._messages.labels(queue, "buried").inc()
                self._poison.labels(queue, code).inc()
            case HandedOver():
                self._handovers.labels(queue).inc()
            case HandleLost():
                self._messages.labels(queue, "lost").inc()
            case GivenBack():
                self._messages.labels(queue, "given_back").inc()
            case HeartbeatFailed():
                self._heartbeat_failures.labels(queue).inc()
            case SlotsChanged(in_use=in_use):
                self._slots.labels(queue).set(in_use)
