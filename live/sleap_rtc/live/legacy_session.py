"""Orchestration: a connection to one peer of the existing tool, with its one data channel.

The client offers and makes the channel. Both sides say every 15 s that they are there, though a worker of
November 2025 never gets to it: a silent peer is not a dead one here, and what tells is WebRTC's own consent
check (RFC 7675), which gives up after 30 s.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from sleap_rtc.live.channel import Channel
from sleap_rtc.live.connection import peer_connection
from sleap_rtc.live.errors import PeerLost, PeerUnreachable
from sleap_rtc.live.legacy_file import frames_of
from sleap_rtc.live.legacy_frames import (
    EndOfFile,
    KeepAlive,
    LegacyFrame,
    LegacyFrameUnreadable,
    decode,
    encode,
)
from sleap_rtc.storage.errors import FileChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from aiortc import RTCDataChannel

    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.legacy_frames import FileMeta

log = logging.getLogger(__name__)

LABEL = "my-data-channel"
PATIENCE_S = 20.0
KEEP_ALIVE_EVERY_S = 15.0
MOST_FRAME_BYTES = 256 * 1024
"""As much as the engine says that it takes; the existing tool sends 64 KiB at most."""
_MOST_TEXT_BYTES = 64 * 1024
"""More in a message is not taken by older engines, and not sent to them by newer ones."""
_READ_BYTES = 1024 * 1024
_ROOM_FOR_LINES_BYTES = 1024 * 1024
_LOOK_EVERY_S = 0.05
_CLOSING_S = 5.0


class LegacySession:
    """One side of a session. `offering` and `answering` make one; `opened` waits until it stands.

    Args:
        peer_id: who is at the other end.
        on_frame: called in the event loop with every frame that comes, `bytes` being those of a file.
            Whatever it raises ends the session.
        ice_servers: where to learn the own address and to be relayed; none of the engine's own.
    """

    def __init__(
        self,
        peer_id: str,
        on_frame: Callable[[LegacyFrame | bytes], None],
        ice_servers: Sequence[IceServer] = (),
    ) -> None:
        self.peer_id = peer_id
        self._on_frame = on_frame
        self._channel = Channel(LABEL, peer_id, paced=True)
        self._channel.listen(self._heard)
        self._bound = False
        self._connection = peer_connection(ice_servers)
        self._connection.on("connectionstatechange", self._state_changed)
        self._ended = asyncio.Event()
        self._why_ended = ""
        self._keeping_alive: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def offering(
        cls,
        peer_id: str,
        on_frame: Callable[[LegacyFrame | bytes], None],
        ice_servers: Sequence[IceServer] = (),
    ) -> tuple[Self, str]:
        """Begin a session; return it and the description that the peer has to be sent."""
        session = cls(peer_id, on_frame, ice_servers)
        connection = session._connection
        session._bind(connection.createDataChannel(LABEL))
        await connection.setLocalDescription(await connection.createOffer())
        return session, connection.localDescription.sdp

    @classmethod
    async def answering(
        cls,
        peer_id: str,
        offer: str,
        on_frame: Callable[[LegacyFrame | bytes], None],
        ice_servers: Sequence[IceServer] = (),
    ) -> tuple[Self, str]:
        """Take an offered session; return it and the description that the peer has to be sent.

        Raises:
            PeerUnreachable: the offer is none.
        """
        session = cls(peer_id, on_frame, ice_servers)
        session._connection.on("datachannel", session._bind)
        await session._take(offer, "offer")
        connection = session._connection
        await connection.setLocalDescription(await connection.createAnswer())
        return session, connection.localDescription.sdp

    async def answered(self, answer: str) -> None:
        """Take the peer's description.

        Raises:
            PeerUnreachable: it is none.
        """
        await self._take(answer, "answer")

    async def opened(self, within_s: float = PATIENCE_S) -> None:
        """Wait until the channel is open, and begin to say that we are there.

        Raises:
            PeerUnreachable: it is not, within this time.
        """
        waits = [asyncio.ensure_future(event.wait()) for event in (self._channel.opened, self._ended)]
        try:
            await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._why_ended or not self._channel.opened.is_set():
            why = self._why_ended or f"no connection within {within_s:g} s"
            await self.close(why)
            raise PeerUnreachable(where=self.peer_id, why=why)
        self._keeping_alive = asyncio.create_task(self._keep_alive())
        log.info("session with %s of the existing tool's kind", self.peer_id)

    def send(self, frame: LegacyFrame) -> None:
        """Send a frame. Raises PeerLost."""
        self._channel.send(encode(frame))

    def send_if_room(self, frame: LegacyFrame) -> bool:
        """Send a frame that may be missed, such as a line of output, unless too much is waiting already.

        Raises:
            PeerLost: the session has ended.
        """
        message = encode(frame)
        size = len(message.encode() if isinstance(message, str) else message)
        if size > _MOST_TEXT_BYTES or self._channel.queued_bytes > _ROOM_FOR_LINES_BYTES:
            return False
        self._channel.send(message)
        return True

    async def send_file(
        self,
        path: Path,
        meta: FileMeta,
        frame_bytes: int,
        on_sent: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Send a file from its announcement to its end, never more than a piece of it in memory.

        Args:
            path: of the file.
            meta: its announcement.
            frame_bytes: how large its frames are; the existing tool's differ by direction.
            on_sent: called with the number of bytes of each frame.

        Raises:
            PeerLost: the session has ended.
            FileChanged: it has another size than was announced.
        """
        self.send(meta)
        left = meta.size_bytes
        with await asyncio.to_thread(path.open, "rb", 0) as file:
            while piece := await asyncio.to_thread(file.read, _READ_BYTES):
                left -= len(piece)
                if left < 0:
                    break
                for frame in frames_of(piece, frame_bytes):
                    await self._channel.writable()
                    self._channel.send(frame)
                    on_sent(len(frame))
        if left:
            # Without its end nobody over there takes it for whole.
            raise FileChanged(path=path)
        self.send(EndOfFile())

    async def drained(self, within_s: float = _CLOSING_S) -> bool:
        """Wait until the peer's engine has everything that was sent; return whether it has."""
        sctp = self._connection.sctp
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                # That a message has arrived is told by no event of aiortc, and by no public name.
                while sctp is not None and not self._why_ended:
                    if not (self._channel.queued_bytes or sctp._outbound_queue or sctp._sent_queue):
                        return True
                    await asyncio.sleep(_LOOK_EVERY_S)
        return False

    @property
    def why_ended(self) -> str:
        """Why the session is over; empty while it is not."""
        return self._why_ended

    async def wait_ended(self) -> str:
        """Wait until the session is over and return why."""
        await self._ended.wait()
        return self._why_ended

    async def close(self, why: str = "this side closed it") -> None:
        """End the session, whatever state it is in."""
        self.end(why)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def end(self, why: str) -> None:
        """End the session without waiting until it is closed."""
        if self._why_ended:
            return
        self._why_ended = why
        log.info("session with %s ended: %s", self.peer_id, why)
        self._channel.end(why)
        self._ended.set()
        if self._keeping_alive is not None:
            self._keeping_alive.cancel()
        self._closing = asyncio.create_task(self._disconnect())

    async def _disconnect(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await self._connection.close()

    async def _take(self, sdp: str, kind: str) -> None:
        from aiortc import RTCSessionDescription

        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, kind))
        except Exception as error:  # the engine's parser raises whatever comes to hand
            await self.close("its description cannot be used")
            raise PeerUnreachable(where=self.peer_id, why=f"its {kind} cannot be used") from error
        if self._connection.sctp is None:
            await self.close("its description has no channel")
            raise PeerUnreachable(where=self.peer_id, why=f"its {kind} has no data channel")

    def _bind(self, channel: RTCDataChannel) -> None:
        if channel.label != LABEL or self._bound:
            log.warning("session with %s: a channel that there is not, %.40r", self.peer_id, channel.label)
            return
        self._bound = True
        self._channel.bind(channel)
        channel.on("message", self._channel.heard)
        channel.on("close", lambda: self.end("the peer closed the channel"))

    def _heard(self, message: str | bytes) -> None:
        if self._why_ended:
            return
        if len(message) > MOST_FRAME_BYTES:
            self.end(f"it sent a frame of {len(message):,} bytes")
            return
        try:
            self._on_frame(_frame(message))
        except LegacyFrameUnreadable as error:
            self.end(f"it sent a frame that is none: {error}")
        except Exception:
            # An exception would end up in the engine, which would be left half alive.
            log.exception("session with %s: a frame", self.peer_id)
            self.end("a frame could not be handled")

    async def _keep_alive(self) -> None:
        with suppress(PeerLost):
            while True:
                await asyncio.sleep(KEEP_ALIVE_EVERY_S)
                self.send(KeepAlive())

    def _state_changed(self) -> None:
        if self._connection.connectionState in {"failed", "closed"}:
            self.end("the connection was cut")


def _frame(message: str | bytes) -> LegacyFrame | bytes:
    return message if isinstance(message, bytes) else decode(message)
