"""A little OpenTelemetry collector: takes OTLP over HTTP, refuses it, or says nothing at all."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

OK = 200


class Collector:
    """What came to a collector.

    Attributes:
        status: what it answers.
        silent: while it is set, requests get no answer.
    """

    def __init__(self) -> None:
        self.status = OK
        self.silent = threading.Event()
        self.over = threading.Event()
        self.came = threading.Semaphore(0)
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variable that names it."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    def spans(self) -> list[tuple[str, Any]]:
        """Return the spans that came, each with the name of the service that sent it."""
        return [
            (_text(of.resource.attributes)["service.name"], span)
            for request in list(self.traces)
            for of in request.resource_spans
            for scope in of.scope_spans
            for span in scope.spans
        ]

    def measured(self) -> dict[str, Any]:
        """Return the metrics that came last, by name."""
        return {
            metric.name: metric
            for request in list(self.metrics)
            for of in request.resource_metrics
            for scope in of.scope_metrics
            for metric in scope.metrics
        }


def _text(attributes: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.came.release()
            if collector.silent.is_set():
                collector.over.wait()
                return
            if collector.status == OK:
                collector.headers.append(dict(self.headers))
                if self.path == "/v1/traces":
                    collector.traces.append(ExportTraceServiceRequest.FromString(body))
                else:
                    collector.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.shutdown()
        server.server_close()
