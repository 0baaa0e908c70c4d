"""Adapter: turns what is told of requests and bytes into measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.observability import instruments as of
from sleap_rtc.storage.traffic import Called, Moved

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.telling import Fact


class TrafficMetrics:
    """Hears of every request to the cloud, and of bytes as they arrive."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, fact: Fact) -> None:
        """Count one fact, if it is of these."""
        meter = self._meter
        match fact:
            case Moved(direction=direction, way=way, content=content, size_bytes=size_bytes):
                meter.add(of.TRANSFER_SIZE, size_bytes, direction=direction, path=way, content=content)
            case Called(service="s3", operation=operation, outcome=outcome, seconds=seconds):
                meter.add(of.S3_REQUESTS, operation=operation, outcome=outcome)
                meter.record(of.S3_DURATION, seconds, operation=operation)
            case Called(service="sqs", operation=operation):
                meter.add(of.SQS_REQUESTS, operation=operation)
            case Called(service="sns", operation=operation):
                meter.add(of.SNS_REQUESTS, operation=operation)
