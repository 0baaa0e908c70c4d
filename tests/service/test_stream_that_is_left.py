"""Whoever leaves a stream in the middle of it leaves nothing behind, and no traceback in the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
from sse_starlette import ServerSentEvent
from support.loop import run

from sleap_rtc.service.event_stream import event_stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def test_a_listener_who_leaves_ends_what_he_listened_to() -> None:
    ended = []

    async def lines() -> AsyncGenerator[ServerSentEvent]:
        try:
            yield ServerSentEvent(data="news")
            await asyncio.sleep(3600)
        finally:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.01)
            ended.append("lines")

    async def listen() -> None:
        told = event_stream(lines(), asyncio.Event()).body_iterator
        async with anyio.create_task_group() as listener:

            async def hear() -> None:
                async for _ in told:
                    listener.cancel_scope.cancel()

            listener.start_soon(hear)

    run(listen())
    assert ended == ["lines"]
