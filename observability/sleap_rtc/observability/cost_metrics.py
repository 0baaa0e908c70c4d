"""Adapter: what traffic costs as it goes, at the prices of a table, and what a relay would have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.event_facts import StorageFound
from sleap_rtc.observability.instruments import COST, COST_AVOIDED, STORED
from sleap_rtc.storage.cost import byte_class, price_class, unit_price
from sleap_rtc.storage.relay_alternative import Assumptions, relay_cost
from sleap_rtc.storage.traffic import Called, Moved
from sleap_rtc.storage.usage import kind_of

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.telling import Fact

_THROUGH_S3 = {"internet", "in_region"}
_OVER_TURN = {"dataset": "download", "model": "download", "results": "download"}
"""Which direction stands for a content's way from one peer to the other: bytes through S3 go up and down."""


class CostMetrics:
    """A hook for traffic.

    Args:
        meter: takes what is measured.
        prices: what things cost.
        assumed: of the way over TURN.
    """

    def __init__(self, meter: Meter, prices: PriceList, assumed: Assumptions | None = None) -> None:
        self._meter = meter
        self._prices = prices
        self._assumed = assumed or Assumptions()

    def __call__(self, fact: Fact) -> None:
        """Count what a fact costs, if it is of these; what is free is not told."""
        match fact:
            case Called():
                self._add(price_class(kind_of(fact)), 1)
            case Moved():
                self._add(byte_class(kind_of(fact)), fact.size_bytes)
                if fact.way in _THROUGH_S3 and _OVER_TURN.get(fact.content) == fact.direction:
                    self._meter.add(COST_AVOIDED, relay_cost(fact.size_bytes, self._assumed, self._prices))
            case StorageFound(bucket=bucket, size_bytes=size_bytes):
                self._meter.set(STORED, size_bytes, bucket=bucket)

    def _add(self, kind: str, count: int) -> None:
        if kind:
            self._meter.add(COST, count * unit_price(kind, self._prices), kind=kind)
