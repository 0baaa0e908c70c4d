"""Adapter: measurements as Prometheus takes them, one registry for a process."""

from __future__ import annotations

import threading
from itertools import product
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from sleap_rtc.observability.instrument import Kind
from sleap_rtc.observability.instruments import INSTRUMENTS

if TYPE_CHECKING:
    from typing import Literal

    from sleap_rtc.observability.instrument import Instrument

    Part = Literal["client", "worker", "service"]

_FEW = 8
M = TypeVar("M", Counter, Gauge, Histogram)


class PrometheusMeter:
    """The meter of a process; takes what the table has for its part of the system, and ignores the rest.

    What has no labels is there from the beginning, at 0, and so are counters of few series: a rate of what
    happened once is then known. A gauge comes with its first value.

    Args:
        part: which part the process is.
        registry: where the metrics are registered; a new one without.
    """

    def __init__(self, part: Part, registry: CollectorRegistry | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series each that nobody asks for
        self.registry = registry or CollectorRegistry()
        self._part = part
        self._lock = threading.Lock()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        self._series: dict[tuple[object, ...], Counter | Gauge | Histogram] = {}
        for instrument in INSTRUMENTS:
            if part in instrument.parts and not instrument.labels and instrument.kind is not Kind.GAUGE:
                self._metric(instrument)
            elif part in instrument.parts and instrument.kind is Kind.COUNTER:
                self._begin(instrument)

    def add(self, instrument: Instrument, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        counter = self._of(Counter, instrument, labels)
        if counter is not None:
            counter.inc(amount)

    def set(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._of(Gauge, instrument, labels)
        if gauge is not None:
            gauge.set(value)

    def record(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Take a value into a histogram."""
        histogram = self._of(Histogram, instrument, labels)
        if histogram is not None:
            histogram.observe(value)

    def _begin(self, counter: Instrument) -> None:
        """Have all series of a counter that has few: none of a kind of fault is 0, and not unknown."""
        sets = list(product(*(sorted(label.values) for label in counter.labels)))
        if len(sets) <= _FEW:
            for values in sets:
                self._metric(counter).labels(*values)

    def _of(self, kind: type[M], instrument: Instrument, labels: dict[str, str]) -> M | None:
        if self._part not in instrument.parts:
            return None
        asked = (instrument.name, *labels.items())
        series = self._series.get(asked)
        if series is None:
            spelled = instrument.spelled(labels)
            metric = self._made.get(instrument.name) or self._metric(instrument)
            series = metric.labels(*spelled.values()) if spelled else metric
            if spelled == labels:  # else anything might come, and each would stay here
                self._series[asked] = series
        if not isinstance(series, kind):
            raise TypeError(f"{instrument.name} is a {instrument.kind}")
        return series

    def _metric(self, instrument: Instrument) -> Counter | Gauge | Histogram:
        with self._lock:
            if instrument.name not in self._made:
                self._made[instrument.name] = _made(instrument, self.registry)
            return self._made[instrument.name]


def _made(instrument: Instrument, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, text = instrument.prometheus, instrument.meaning
    labels = [label.name for label in instrument.labels]
    match instrument.kind:
        case Kind.COUNTER:
            return Counter(name, text, labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(name, text, labels, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(name, text, labels, buckets=instrument.buckets, registry=registry)
