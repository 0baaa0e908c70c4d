"""Adapter: every answer says how much of its limits is left, as the IETF's draft "RateLimit header fields for
HTTP" (version 10) writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends
from starlette.datastructures import MutableHeaders

from sleap_rtc.service.callers import Anyone, P  # noqa: TC001 - FastAPI reads the annotations
from sleap_rtc.service.rate_limits import WINDOW_S, spent_by_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sleap_rtc.service.rate_limits import Spent


def _count(parts: P, caller: Anyone) -> None:
    """Count the request for who is calling. Raises TooManyRequests."""
    parts.rate_limits.spend("user", caller.subject)


COUNTED = Depends(_count)
"""What every router whose callers have an identity depends on."""


class LimitHeaders:
    """ASGI middleware: sets `RateLimit` and `RateLimit-Policy` for what the request has spent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and say in its answer what was spent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        spent: dict[tuple[str, str], Spent] = {}
        token = spent_by_request.set(spent)  # type: ignore[arg-type] # its keys are of a narrower kind

        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start" and spent:
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = _policies(spent.values())
                headers["RateLimit"] = _left(spent.values())
            await send(message)

        try:
            await self._app(scope, receive, saying)
        finally:
            spent_by_request.reset(token)


def _policies(spent: Iterable[Spent]) -> str:
    return ", ".join(f'"{one.kind}";q={one.most};w={WINDOW_S}' for one in spent)


def _left(spent: Iterable[Spent]) -> str:
    return ", ".join(f'"{one.kind}";r={one.left};t={one.reset_s}' for one in spent)
