"""Adapter: turns what is told of files, the cache and a room's log into measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.observability import instruments as of
from sleap_rtc.storage.storage_facts import (
    CacheChanged,
    CacheLooked,
    IntegrityFailed,
    LogWritten,
    RoomChanged,
    TransferEnded,
    TransferTroubled,
    UrlSigned,
)

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.telling import Fact


class StorageMetrics:
    """Hears of what happens in `sleap_rtc.storage`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, fact: Fact) -> None:
        """Count one fact, if it is of these."""
        meter = self._meter
        match fact:
            case TransferEnded():
                self._ended(fact)
            case TransferTroubled():
                self._troubled(fact)
            case IntegrityFailed(where=where):
                meter.add(of.INTEGRITY_FAILURES, where=where)
            case CacheLooked(hit=hit):
                meter.add(of.CACHE_LOOKUPS, result="hit" if hit else "miss")
            case CacheChanged(size_bytes=size_bytes, evicted=evicted):
                meter.set(of.CACHE_SIZE, size_bytes)
                meter.add(of.CACHE_EVICTIONS, evicted)
            case UrlSigned(operation=operation):
                meter.add(of.SIGNED_URLS, operation=operation)
            case LogWritten(result=result):
                meter.add(of.MANIFEST_WRITES, result=result)
            case RoomChanged(attempts=attempts):
                meter.record(of.MANIFEST_ATTEMPTS, attempts)

    def _ended(self, fact: TransferEnded) -> None:
        meter = self._meter
        way = {"direction": fact.direction, "path": fact.way}
        meter.add(of.TRANSFERS, **way, content=fact.content, outcome=fact.outcome)
        if fact.resumed_bytes:
            meter.add(of.RESUMES, direction=fact.direction)
            meter.add(of.RESUMED_SIZE, fact.resumed_bytes, direction=fact.direction)
        if fact.outcome == "done":
            meter.record(of.TRANSFER_DURATION, fact.seconds, **way, content=fact.content)
            if fact.moved_bytes and fact.seconds > 0:
                meter.record(of.TRANSFER_GOODPUT, fact.moved_bytes / fact.seconds, **way)

    def _troubled(self, fact: TransferTroubled) -> None:
        meter, direction = self._meter, fact.direction
        for reason, count in fact.retries.items():
            meter.add(of.TRANSFER_RETRIES, count, direction=direction, reason=reason)
        if fact.outages:
            meter.add(of.TRANSFER_OUTAGES, fact.outages, direction=direction)
        if fact.second_tries_won:
            meter.add(of.HEDGES, fact.second_tries_won, direction=direction, won="yes")
        if fact.second_tries_lost:
            meter.add(of.HEDGES, fact.second_tries_lost, direction=direction, won="no")
        if fact.wasted_bytes:
            meter.add(of.WASTED_SIZE, fact.wasted_bytes, direction=direction)
