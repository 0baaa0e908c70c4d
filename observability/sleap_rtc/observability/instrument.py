"""Pure: what a metric is: its name, its kind, its unit, and every value that its labels can have.

Names are OpenTelemetry's, dotted; Prometheus's follow from them by the rule of OpenTelemetry's own exporters
(OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"), so that a series has one name
however it comes to Prometheus.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER = "other"
"""What a label says whose value is none of those that it can have."""
_WORDS = {
    "By": "bytes",
    "s": "seconds",
    "1": "ratio",
    "USD": "usd",
    "By/s": "bytes_per_second",
    "Cel": "celsius",
}
"""Units of UCUM as Prometheus spells them; what stands in braces, such as `{job}`, is left out."""


class Kind(StrEnum):
    """How values of a metric come together."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Label:
    """One label. Every value that is not listed counts as `other`, so that a metric has few series.

    Attributes:
        name: in snake case; in OpenTelemetry the attribute of that name, or `attribute`.
        values: all that it can have.
        attribute: of OpenTelemetry's semantic conventions, where there is one.
    """

    name: str
    values: frozenset[str]
    attribute: str = ""

    def spelled(self, value: str) -> str:
        """Return the value, or `other`."""
        return value if value in self.values else OTHER


@dataclass(frozen=True)
class Instrument:
    """One metric.

    Attributes:
        name: of OpenTelemetry, such as `sleap_rtc.transfer.size`.
        kind: counter, gauge or histogram.
        unit: in UCUM's spelling: `By`, `s`, `1`, `USD`, or a noun in braces.
        meaning: one sentence.
        labels: all that it has.
        buckets: upper bounds of a histogram, in its unit.
        parts: which processes tell it: client, worker, service.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    parts: frozenset[str] = field(default=frozenset())

    @property
    def prometheus(self) -> str:
        """Its name at Prometheus; a histogram's series add `_bucket`, `_sum` and `_count`."""
        name = self.name.replace(".", "_")
        word = _WORDS.get(self.unit, "")
        if self.unit == "1" and self.kind is not Kind.GAUGE:
            word = ""
        if word and not name.endswith(f"_{word}"):
            name = f"{name}_{word}"
        return f"{name}_total" if self.kind is Kind.COUNTER else name

    @property
    def most_series(self) -> int:
        """How many series one process can have of it, buckets and sums of a histogram among them."""
        per_set = len(self.buckets) + 3 if self.kind is Kind.HISTOGRAM else 1
        return math.prod(len(label.values | {OTHER}) for label in self.labels) * per_set

    def spelled(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels in their order, each with a value that it can have.

        Raises:
            KeyError: one is missing.
            ValueError: there is one too many.
        """
        if surplus := set(labels) - {label.name for label in self.labels}:
            raise ValueError(f"{self.name} has no label {', '.join(sorted(surplus))}")
        return {label.name: label.spelled(labels[label.name]) for label in self.labels}


class Meter(Protocol):
    """Takes measurements; an adapter for Prometheus and one for OpenTelemetry do. Must not block or raise."""

    def add(self, instrument: Instrument, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""

    def set(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Set a gauge."""

    def record(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Take a value into a histogram."""
