"""Adapter: requests that are steps of a trace, as their callers' header `traceparent` says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.span_table import ANSWER
from sleap_rtc.events.spans import Link
from sleap_rtc.events.traced_routes import HEADER, traced_route
from sleap_rtc.events.tracing import OpenSpan, entered, new_trace_id

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FAILED = 500


class Tracing:
    """ASGI middleware: a span for each request that is a step. A header that is no trace context is ignored.

    The span ends with the answer; what is done after it is a part of it all the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on within its span."""
        route = traced_route(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        method, caller = scope["method"], _caller(scope)
        span = OpenSpan(
            ANSWER,
            "service",
            scope["app"].state.parts.on_span,
            caller.trace_id if caller else new_trace_id(),
            caller.span_id if caller else "",
            title=f"{method} {route}",
        )
        span.note({"http.request.method": method, "http.route": route})

        async def ending(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.note({"http.response.status_code": message["status"]})
                if message["status"] >= _FAILED:
                    span.failed(str(message["status"]))
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                span.end()

        with entered(span):
            await self._app(scope, receive, ending)


def _caller(scope: Scope) -> Link | None:
    sent = [value for name, value in scope["headers"] if name == HEADER.encode()]
    return Link.of(sent[0].decode("latin-1")) if len(sent) == 1 else None
