"""Adapter: measurements to an OpenTelemetry collector, by OTLP over HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from sleap_rtc.observability.collector import EXIT_S, ended, resource_of
from sleap_rtc.observability.instrument import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.metrics.export import MetricsData

    from sleap_rtc.observability.collector import Losses
    from sleap_rtc.observability.instrument import Instrument


class OtlpMeter:
    """Takes measurements; a thread sends what they come to.

    Args:
        part: who they are of.
        instruments: the table; histograms have its buckets.
        losses: hears of batches that were not taken.
        every_s: how often they are sent, in seconds.
    """

    def __init__(
        self, part: str, instruments: Iterable[Instrument], losses: Losses, every_s: float = 60.0
    ) -> None:
        self._losses = losses
        reader = PeriodicExportingMetricReader(_Exporter(losses), every_s * 1000)
        self._provider = MeterProvider(
            [reader],
            resource_of(part),
            shutdown_on_exit=False,
            views=[_buckets(each) for each in instruments if each.kind is Kind.HISTOGRAM],
        )
        self._meter = self._provider.get_meter("sleap_rtc")
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def add(self, instrument: Instrument, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        self._of(instrument).add(amount, _attributes(instrument, labels))

    def set(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        self._of(instrument).set(value, _attributes(instrument, labels))

    def record(self, instrument: Instrument, value: float, /, **labels: str) -> None:
        """Take a value into a histogram."""
        self._of(instrument).record(value, _attributes(instrument, labels))

    def close(self, within_s: float = EXIT_S) -> None:
        """Send what is left, as far as that takes no longer than this."""
        # Given less time, it would come back while what it sends is still under way.
        if not ended(self._provider.shutdown, within_s):
            self._losses.lost("metrics")

    def _of(self, instrument: Instrument) -> Any:
        with self._lock:
            if (made := self._made.get(instrument.name)) is None:
                make = {
                    Kind.COUNTER: self._meter.create_counter,
                    Kind.GAUGE: self._meter.create_gauge,
                    Kind.HISTOGRAM: self._meter.create_histogram,
                }[instrument.kind]
                made = self._made[instrument.name] = make(
                    instrument.name, unit=instrument.unit, description=instrument.meaning
                )
            return made


class _Exporter(MetricExporter):
    """OpenTelemetry's, whose failures are told to us instead of to its log."""

    def __init__(self, losses: Losses) -> None:
        super().__init__()
        self._exporter = OTLPMetricExporter()
        self._losses = losses

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send what there is."""
        result = self._exporter.export(metrics_data, timeout_millis, **kwargs)
        if result is not MetricExportResult.SUCCESS:
            self._losses.lost("metrics")
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing waits here."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Send no more."""
        self._exporter.shutdown(timeout_millis, **kwargs)


def _buckets(instrument: Instrument) -> View:
    return View(
        instrument_name=instrument.name,
        aggregation=ExplicitBucketHistogramAggregation(instrument.buckets),
    )


def _attributes(instrument: Instrument, labels: Mapping[str, str]) -> dict[str, str]:
    named = {label.name: label.attribute or label.name for label in instrument.labels}
    return {named[name]: value for name, value in instrument.spelled(labels).items()}
