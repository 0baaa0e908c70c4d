"""Two real WebRTC peers with the existing tool's one channel between them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sleap_rtc.live.legacy_session import LegacySession
from support.loop import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.live.legacy_frames import LegacyFrame


@dataclass
class Heard:
    """What came, in order."""

    frames: list[LegacyFrame | bytes] = field(default_factory=list)

    def __call__(self, frame: LegacyFrame | bytes) -> None:
        """Take what comes."""
        self.frames.append(frame)

    async def until(self, frame: LegacyFrame | bytes) -> None:
        """Wait until a frame came."""
        await until(lambda: frame in self.frames)

    @property
    def content(self) -> bytes:
        """The binary frames, joined."""
        return b"".join(frame for frame in self.frames if isinstance(frame, bytes))


@dataclass
class LegacyPair:
    """A session as both sides see it, and what each has heard."""

    client: LegacySession
    worker: LegacySession
    client_heard: Heard
    worker_heard: Heard


@asynccontextmanager
async def legacy_pair() -> AsyncIterator[LegacyPair]:
    """Yield a session between two peers of the existing tool's kind."""
    client_heard, worker_heard = Heard(), Heard()
    client, offer = await LegacySession.offering("worker", client_heard)
    worker, answer = await LegacySession.answering("client", offer, worker_heard)
    try:
        await client.answered(answer)
        await asyncio.gather(client.opened(), worker.opened())
        yield LegacyPair(client, worker, client_heard, worker_heard)
    finally:
        await asyncio.gather(client.close(), worker.close())
