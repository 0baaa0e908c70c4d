"""Adapter: an answer of server-sent events, which ends in order when this instance leaves.

Whoever listens takes it up again at another instance, from the last event that he has.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from sleap_rtc.service.replies import EventStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sse_starlette import ServerSentEvent

PING_EVERY_S = 10
# So long the library leaves a stream to its end before it cuts it.
_ENDS_WITHIN_S = 2.0


def event_stream(lines: AsyncGenerator[ServerSentEvent], closing: asyncio.Event) -> EventStream:
    """Return what sends these lines until they end or `closing` is set."""
    return EventStream(_until(lines, closing), ping=PING_EVERY_S, shutdown_grace_period=_ENDS_WITHIN_S)


async def _until(
    lines: AsyncGenerator[ServerSentEvent], closing: asyncio.Event
) -> AsyncGenerator[ServerSentEvent]:
    closed = asyncio.ensure_future(closing.wait())
    try:
        async with aclosing(lines):
            while True:
                line = asyncio.ensure_future(anext(lines))
                try:
                    await asyncio.wait({line, closed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not line.done():
                        line.cancel()
                        # Whoever is cancelled by a scope is so again at every wait.
                        with anyio.CancelScope(shield=True):
                            await asyncio.wait({line})
                if line.cancelled():
                    return
                try:
                    told = line.result()
                except StopAsyncIteration:
                    return
                yield told
    finally:
        closed.cancel()
