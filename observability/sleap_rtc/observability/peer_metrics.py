"""Adapter: counts the bytes of models that peers got from each other, which S3 did not have to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from sleap_rtc.live.peer_session import Path


class PeerMetrics:
    """A hook for whoever reads models out to peers.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._served = Counter(
            "sleap_rtc_peer_served_bytes_total",
            "Bytes of models that went to peers and not through S3, by the way they went.",
            ("path",),
            registry=registry,
        )

    def __call__(self, path: Path, count: int) -> None:
        """Count bytes that went a way: direct, or through a relay that is paid for."""
        self._served.labels(path.value).inc(count)
