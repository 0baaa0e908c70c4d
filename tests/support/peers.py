"""Two real WebRTC peers in one process, what one of them reads out, and what can go wrong between them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.errors import ReadRefused
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.heartbeat import Beat
from sleap_rtc.live.memory_signaling import MemoryExchange
from sleap_rtc.live.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.live.peer_session import PeerSession

MODEL = "0123456789abcdef"
BEST = What(model_id=MODEL, file="best.ckpt")
QUICK_BEAT = Beat(every_s=0.1, dead_after_s=1.0)


@dataclass
class Folder:
    """Reads out the files of one folder, all of them as those of one model."""

    path: Path
    asked: list[What] = field(default_factory=list)

    def find(self, what: What) -> Path:
        """Return where a file lies. Raises ReadRefused."""
        self.asked.append(what)
        path = self.path / what.file
        if what.model_id != MODEL or not path.is_file():
            raise ReadRefused(code="unknown_file", why="there is no such file")
        return path


@dataclass
class Pair:
    """A session as both sides see it."""

    ours: PeerSession
    theirs: PeerSession


@asynccontextmanager
async def paired(beat: Beat | None = None) -> AsyncIterator[Pair]:
    """Yield a session between two peers in which nobody serves anything yet."""
    exchange = MemoryExchange()
    came: asyncio.Queue[PeerSession] = asyncio.Queue()

    async def welcome(session: PeerSession) -> None:
        came.put_nowait(session)
        await session.wait_ended()

    host = joined(exchange, "host", welcome=welcome, beat=beat)
    async with host, joined(exchange, "guest", beat=beat) as guest:
        ours = await guest.call("host")
        try:
            yield Pair(ours, await came.get())
        finally:
            await ours.close()


@asynccontextmanager
async def joined(
    exchange: MemoryExchange, peer_id: str, room_id: str = "lab", **options: Any
) -> AsyncIterator[Sessions]:
    """Yield the sessions of a peer that has joined a room."""
    signaling = exchange.join(room_id, peer_id)
    sessions = Sessions(signaling, **options)
    running = asyncio.create_task(sessions.run())
    try:
        yield sessions
    finally:
        signaling.close()
        await running


@dataclass
class Library:
    """A peer that reads out a folder, and a reader at the other end."""

    pair: Pair
    sender: FileSender
    reader: FileReader
    folder: Folder


@asynccontextmanager
async def library(path: Path, beat: Beat | None = None) -> AsyncIterator[Library]:
    """Yield a session in which the other peer reads out a folder."""
    async with paired(beat) as pair:
        folder = Folder(path)
        sender = FileSender(pair.theirs, folder)
        serving = asyncio.create_task(sender.run())
        await asyncio.sleep(0)  # it begins to listen
        try:
            yield Library(pair, sender, FileReader(pair.ours), folder)
        finally:
            await pair.ours.close()
            await pair.theirs.close()
            await serving
