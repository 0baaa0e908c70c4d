"""Adapter: turns what is told of the service's requests, streams and signaling into measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.service_facts import (
    NotificationSent,
    PeersConnected,
    RequestAnswered,
    RequestLimited,
    SignalPassed,
    StreamsOpen,
    TokenRefused,
    UploadChanged,
)
from sleap_rtc.observability import instruments as of

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.telling import Fact


class ServiceMetrics:
    """Hears of what happens in `sleap_rtc.service`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, fact: Fact) -> None:
        """Count one fact, if it is of these."""
        meter = self._meter
        match fact:
            case RequestAnswered(method=method, area=area, status=status, seconds=seconds):
                answer = {"method": method, "area": area, "status": f"{status // 100}xx"}
                meter.record(of.HTTP_DURATION, seconds, **answer)
            case UploadChanged(state=state):
                meter.add(of.UPLOADS, state=state)
            case RequestLimited(limit=limit):
                meter.add(of.LIMITED, limit=limit)
            case TokenRefused():
                meter.add(of.REFUSED_TOKENS)
            case NotificationSent():
                meter.add(of.NOTIFICATIONS)
            case StreamsOpen(count=count):
                meter.set(of.STREAMS, count)
            case PeersConnected(count=count):
                meter.set(of.SIGNALING_PEERS, count)
            case SignalPassed(outcome=outcome):
                meter.add(of.SIGNALING_MESSAGES, outcome=outcome)
