"""When a channel may be written to, by what its engine says of the queue and of what has not arrived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.loop import in_loop

from sleap_rtc.live.channel import WATERMARK_BYTES, Channel
from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.send_window import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Transport:
    """The part of the engine that knows what is under way."""

    _flight_size: int = 0
    _srtt: float | None = None


@dataclass
class EngineChannel:
    """A channel of the engine that sends nothing."""

    readyState: str = "open"  # noqa: N815 - the engine's name
    bufferedAmount: int = 0  # noqa: N815
    bufferedAmountLowThreshold: int = 0  # noqa: N815
    transport: Transport = field(default_factory=Transport)
    _listeners: dict[str, Callable[[], None]] = field(default_factory=dict)

    def on(self, event: str, listener: Callable[[], None]) -> None:
        self._listeners[event] = listener

    def drain(self) -> None:
        self.bufferedAmount = 0
        self._listeners["bufferedamountlow"]()


def bound(*, paced: bool) -> tuple[Channel, EngineChannel]:
    channel, engine = Channel("bulk", "ada", paced=paced), EngineChannel()
    binding: Any = engine
    channel.bind(binding)
    return channel, engine


async def is_writable(channel: Channel) -> bool:
    waiting = asyncio.create_task(channel.writable())
    await asyncio.wait([waiting], timeout=0.05)
    found = waiting.done()
    waiting.cancel()
    return found


@pytest.mark.parametrize("paced", [False, True])
def test_a_full_queue_is_waited_for(paced: bool) -> None:
    @in_loop
    async def story() -> None:
        channel, engine = bound(paced=paced)
        engine.bufferedAmount = WATERMARK_BYTES
        waiting = asyncio.create_task(channel.writable())
        assert not await is_writable(channel)
        engine.drain()
        await waiting

    story()


@in_loop
async def test_on_a_paced_channel_what_is_under_way_is_waited_for() -> None:
    channel, engine = bound(paced=True)
    assert await is_writable(channel)
    engine.transport._flight_size = MOST_BYTES
    waiting = asyncio.create_task(channel.writable())
    assert not await is_writable(channel)
    engine.transport._flight_size = 0
    await waiting


@in_loop
async def test_commands_do_not_wait_for_what_other_channels_have_under_way() -> None:
    channel, engine = bound(paced=False)
    engine.transport._flight_size = MOST_BYTES
    assert await is_writable(channel)


@in_loop
async def test_whoever_waits_for_what_is_under_way_learns_of_the_end() -> None:
    channel, engine = bound(paced=True)
    engine.transport._flight_size = MOST_BYTES
    waiting = asyncio.create_task(channel.writable())
    assert not await is_writable(channel)
    channel.end("enough")
    with pytest.raises(PeerLost, match="enough"):
        await waiting
