"""Adapter: spans to an OpenTelemetry collector, by OTLP over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as SdkLink
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from sleap_rtc.observability.collector import EXIT_S, ended, resource_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.resources import Resource

    from sleap_rtc.events.spans import Span
    from sleap_rtc.observability.collector import Losses

_SCOPE = InstrumentationScope("sleap_rtc", schema_url="https://opentelemetry.io/schemas/1.44.0")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class OtlpSpans:
    """A hook for spans; a thread sends them in batches.

    Args:
        part: who they are of.
        losses: hears of batches that were not taken.
        every_s: how long a batch is gathered, in seconds.
    """

    def __init__(self, part: str, losses: Losses, every_s: float = 5.0) -> None:
        self._resource = resource_of(part)
        self._losses = losses
        self._exporter = _Exporter(losses)
        self._batches = BatchSpanProcessor(self._exporter, schedule_delay_millis=every_s * 1000)
        self._closed = False

    def __call__(self, span: Span) -> None:
        """Take a span."""
        if not self._closed:
            self._batches.on_end(readable(span, self._resource))

    def close(self, within_s: float = EXIT_S) -> None:
        """Send what is left, as far as that takes no longer than this."""
        self._closed = True
        if not ended(self._batches.shutdown, within_s):
            self._losses.lost("traces")


class _Exporter(SpanExporter):
    """OpenTelemetry's, whose failures are told to us instead of to its log."""

    def __init__(self, losses: Losses) -> None:
        self._exporter = OTLPSpanExporter()
        self._losses = losses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._losses.lost("traces")
        return result

    def shutdown(self) -> None:
        """Send no more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call] # the SDK's has no types

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        del timeout_millis
        return True


def readable(span: Span, resource: Resource) -> ReadableSpan:
    """Return a span as the SDK takes it."""
    attributes: dict[str, Any] = dict(span.attributes)
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id),
        parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
        resource=resource,
        attributes=attributes,
        links=[SdkLink(_context(link.trace_id, link.span_id)) for link in span.links],
        kind=SpanKind[span.kind.name],
        status=Status(StatusCode.ERROR if span.status == "error" else StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=_SCOPE,
    )


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED)
