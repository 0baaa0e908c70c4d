"""Orchestration: everything that measures in one process, from when it is entered until it is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sleap_rtc.observability import instruments as of
from sleap_rtc.observability.collector import TelemetryLost
from sleap_rtc.observability.cost_metrics import CostMetrics
from sleap_rtc.observability.event_metrics import EventMetrics
from sleap_rtc.observability.live_metrics import LiveMetrics
from sleap_rtc.observability.meters import Meters
from sleap_rtc.observability.peer_metrics import PeerMetrics
from sleap_rtc.observability.prometheus_meter import PrometheusMeter
from sleap_rtc.observability.queue_metrics import QueueMetrics
from sleap_rtc.observability.service_metrics import ServiceMetrics
from sleap_rtc.observability.storage_metrics import StorageMetrics
from sleap_rtc.observability.traffic_metrics import TrafficMetrics
from sleap_rtc.observability.worker_metrics import WorkerMetrics
from sleap_rtc.storage.price_table import LIST_PRICES
from sleap_rtc.storage.telling import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.observability.prometheus_meter import Part
    from sleap_rtc.storage.price_list import PriceList
    from sleap_rtc.storage.telling import Fact


class Measuring:
    """Hears what the parts of a process tell, and has it measured for Prometheus and whoever else.

    Args:
        part: which part of the system the process is.
        others: meters besides Prometheus's.
        prices: what requests and bytes cost.
    """

    def __init__(self, part: Part, *others: Meter, prices: PriceList = LIST_PRICES) -> None:
        prometheus = PrometheusMeter(part)
        self.registry = prometheus.registry
        self.meter = Meters(prometheus, *others)
        self.queue = QueueMetrics(self.meter)
        """A hook for consumers."""
        self.peers = PeerMetrics(self.meter)
        """A hook for whoever reads models out to peers."""
        self._hooks: list[Callable[[Fact], None]] = [
            TrafficMetrics(self.meter),
            CostMetrics(self.meter, prices),
            StorageMetrics(self.meter),
            EventMetrics(self.meter),
            LiveMetrics(self.meter),
            ServiceMetrics(self.meter),
            WorkerMetrics(self.meter),
            self._lost,
        ]
        self._ends: list[Callable[[], None]] = []
        self.meter.set(of.BUILD, 1, part=part)

    def _lost(self, fact: Fact) -> None:
        if isinstance(fact, TelemetryLost):
            self.meter.add(of.TELEMETRY_LOST, signal=fact.signal)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._ends = [listen(hook) for hook in self._hooks]
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no longer."""
        for end in self._ends:
            end()
