"""Pure: several meters as one, such as Prometheus's and OpenTelemetry's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sleap_rtc.observability.instrument import Instrument, Meter


class Meters:
    """Hands every measurement to each of the meters; without any, to nobody."""

    def __init__(self, *meters: Meter) -> None:
        self._meters = meters

    def add(self, instrument: Instrument, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        for meter in self._meters:
            meter.add(instrument, amount, **labels)

    def set(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        for meter in self._meters:
            meter.set(instrument, value, **labels)

    def record(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Take a value into a histogram."""
        for meter in self._meters:
            meter.record(instrument, value, **labels)
