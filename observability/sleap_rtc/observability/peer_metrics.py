"""Adapter: counts the bytes of models that peers got from each other, which S3 did not have to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.observability import instruments as of

if TYPE_CHECKING:
    from sleap_rtc.live.peer_session import Path
    from sleap_rtc.observability.instrument import Meter


class PeerMetrics:
    """A hook for whoever reads models out to peers."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, path: Path, count: int) -> None:
        """Count bytes that went a way: direct, or through a relay that is paid for."""
        self._meter.add(of.PEER_SERVED, count, path=path.value)
