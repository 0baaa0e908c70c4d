"""Adapter: turns what is told of live sessions into measurements."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sleap_rtc.live.session_facts import HeartbeatReturned, SessionsOpen, SessionTried
from sleap_rtc.observability import instruments as of

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.telling import Fact


class LiveMetrics:
    """Hears of what happens in `sleap_rtc.live`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._open = 0
        self._lock = threading.Lock()

    def __call__(self, fact: Fact) -> None:
        """Count one fact, if it is of these."""
        match fact:
            case SessionTried(path=path):
                self._meter.add(of.LIVE_SESSIONS, path=path)
            case SessionsOpen(change=change):
                with self._lock:
                    self._open += change
                    self._meter.set(of.LIVE_OPEN, self._open)
            case HeartbeatReturned(seconds=seconds):
                self._meter.record(of.LIVE_ROUND_TRIP, seconds)
