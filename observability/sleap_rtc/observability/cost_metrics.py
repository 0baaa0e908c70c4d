"""Adapter: what traffic costs as it goes, at the prices of a table, and what a relay would have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.observability.instruments import COST, COST_AVOIDED, STORED
from sleap_rtc.storage.cost import byte_class, price_class, unit_price
from sleap_rtc.storage.relay_alternative import Assumptions, relay_cost
from sleap_rtc.storage.traffic import Called
from sleap_rtc.storage.usage import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.traffic import Moved

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

    def __call__(self, event: Called | Moved) -> None:
        """Count what an event costs; what is free is not told."""
        kind = kind_of(event)
        if isinstance(event, Called):
            if name := price_class(kind):
                self._meter.add(COST, unit_price(name, self._prices), kind=name)
            return
        if name := byte_class(kind):
            self._meter.add(COST, event.size_bytes * unit_price(name, self._prices), kind=name)
        if event.way in _THROUGH_S3 and _OVER_TURN.get(event.content) == event.direction:
            self._meter.add(COST_AVOIDED, relay_cost(event.size_bytes, self._assumed, self._prices))

    def stored(self, bucket_bytes: Mapping[str, int]) -> None:
        """Tell how much lies in the buckets `uploads` and `rooms`."""
        for bucket, size_bytes in bucket_bytes.items():
            self._meter.set(STORED, size_bytes, bucket=bucket)
