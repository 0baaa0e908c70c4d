"""Adapter: tells how long requests took, by the area of the service; no path is told, in which ids stand."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from sleap_rtc.events.service_facts import RequestAnswered
from sleap_rtc.service.areas import area_of, waits
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RequestTimes:
    """ASGI middleware; what waits by design, such as a stream, is left out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and tell how long it took."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), int(HTTPStatus.INTERNAL_SERVER_ERROR)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route, method = str(getattr(scope.get("route"), "path", "")), str(scope["method"])
            if not waits(route, method):
                area = area_of(route) if route else ""
                tell(RequestAnswered(method, area, status, time.monotonic() - began))
