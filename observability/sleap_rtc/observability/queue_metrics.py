"""Adapter: turns what a consumer tells its hook into measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from sleap_rtc.observability import instruments as of

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter


class QueueMetrics:
    """A hook for consumers. One serves all consumers of a process."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, event: QueueEvent) -> None:
        """Count one event."""
        meter, queue = self._meter, event.queue
        match event:
            case Received(lag_s=lag_s):
                meter.add(of.MESSAGES, queue=queue, outcome="received")
                if lag_s is not None:
                    meter.record(of.QUEUE_LAG, lag_s, queue=queue)
            case Settled(seconds=seconds):
                meter.add(of.MESSAGES, queue=queue, outcome="settled")
                meter.record(of.QUEUE_HANDLING, seconds, queue=queue)
            case Retried(trouble=trouble):
                meter.add(of.MESSAGES, queue=queue, outcome="retried")
                meter.add(of.QUEUE_RETRIES, queue=queue, trouble=trouble.value)
            case Buried(code=code):
                meter.add(of.MESSAGES, queue=queue, outcome="buried")
                meter.add(of.POISON, queue=queue, reason=code)
            case HandedOver():
                meter.add(of.HANDOVERS, queue=queue)
            case HandleLost():
                meter.add(of.MESSAGES, queue=queue, outcome="lost")
            case GivenBack():
                meter.add(of.MESSAGES, queue=queue, outcome="given_back")
            case HeartbeatFailed():
                meter.add(of.HEARTBEAT_FAILURES, queue=queue)
            case SlotsChanged(in_use=in_use):
                meter.set(of.SLOTS_IN_USE, in_use, queue=queue)
