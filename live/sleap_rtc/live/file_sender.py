"""Orchestration: reads files out to one peer, piece by piece, in the order in which it asked.

A peer that asks for what it may not have, or in words that are none, is told so. One that goes on is shown
the door: refusals cost memory, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sleap_rtc.live.control import MOST_REFUSALS, Control
from sleap_rtc.live.errors import PeerLost, ReadRefused
from sleap_rtc.live.file_frames import HEADER_BYTES, Data, End, Header, Refusal, encode
from sleap_rtc.live.file_requests import (
    CHECKSUM_BYTES,
    OPERATIONS,
    Cancel,
    ReadRange,
    RequestUnreadable,
    read_request,
)
from sleap_rtc.storage.checksum import crc64nvme, crc_of_stream
from sleap_rtc.storage.part_plan import PartPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sleap_rtc.live.file_frames import Frame
    from sleap_rtc.live.file_requests import ReadChecksums, What
    from sleap_rtc.live.peer_session import PeerSession

log = logging.getLogger(__name__)

MOST_WAITING = 16
"""Requests that may wait. Ours ask for a few ahead."""
_FRAME_BYTES = 14 * 1160
"""As many packets of the engine as fill a frame: a last one with a rest would cost as much as a full one."""
_PAYLOAD_BYTES = _FRAME_BYTES - HEADER_BYTES
_PIECE_BYTES = 32 * _PAYLOAD_BYTES


class FileSource(Protocol):
    """What a peer may read."""

    def find(self, what: What) -> Path:
        """Return where a file lies. Called in a thread. Raises ReadRefused."""


class FileSender:
    """Serves one session.

    Args:
        session: with the peer that asks.
        source: what it may read.
        on_sent: called with how many bytes of files went out.
        control: what hands it its requests, where other parts of the peer take requests, too.
    """

    def __init__(
        self,
        session: PeerSession,
        source: FileSource,
        on_sent: Callable[[int], None] = lambda _: None,
        control: Control | None = None,
    ) -> None:
        self.sent_bytes = 0
        """Bytes of files that went out."""
        self._on_sent = on_sent
        self._session = session
        self._source = source
        self._control = control or Control(session)
        self._control.on(OPERATIONS, self._asked)
        self._waiting: deque[ReadRange | ReadChecksums] = deque()
        self._wanted = asyncio.Event()
        self._current = 0
        self._cancelled = False
        self._refusals = 0

    async def run(self) -> None:
        """Serve until the session ends."""
        ended = asyncio.ensure_future(self._session.wait_ended())
        ended.add_done_callback(lambda _: self._wanted.set())
        if not self._session.bulk.has_listener:  # this side may read from the peer, too
            self._session.bulk.listen(lambda _: self._refuse(0, "unexpected", "frames are for answers"))
        self._control.listen()
        try:
            while not self._session.why_ended:
                if self._waiting:
                    await self._answer(self._waiting.popleft())
                else:
                    self._wanted.clear()
                    await self._wanted.wait()
        except PeerLost:
            pass
        finally:
            ended.cancel()

    def _asked(self, message: str) -> None:
        try:
            request = read_request(message)
        except RequestUnreadable as error:
            self._refuse(error.id, "malformed", str(error))
            return
        if isinstance(request, Cancel):
            self._cancel(request.id)
        elif len(self._waiting) >= MOST_WAITING:
            self._refuse(request.id, "too_many", f"{MOST_WAITING} requests are waiting already")
        else:
            self._waiting.append(request)
            self._wanted.set()

    def _cancel(self, id_: int) -> None:
        self._cancelled = self._cancelled or id_ == self._current
        self._waiting = deque(request for request in self._waiting if request.id != id_)

    async def _answer(self, request: ReadRange | ReadChecksums) -> None:
        self._current, self._cancelled = request.id, False
        try:
            if isinstance(request, ReadRange):
                await self._read(request)
            else:
                await self._checksums(request)
        except ReadRefused as refused:
            self._refuse(request.id, refused.code, refused.why)
        except OSError as error:
            log.warning("a peer asked for %s: %s", request.what, error)
            self._refuse(request.id, "unreadable", "the file cannot be read")
        finally:
            self._current = 0

    async def _read(self, request: ReadRange) -> None:
        path = await asyncio.to_thread(self._source.find, request.what)
        with await asyncio.to_thread(path.open, "rb", 0) as file:
            size = await asyncio.to_thread(_size_of, file)
            end = request.offset + request.length
            if end > size:
                raise ReadRefused(code="out_of_range", why=f"the file has {size} bytes")
            self._send(Header(request.id, size, request.length))
            crc, at = 0, request.offset
            await asyncio.to_thread(file.seek, at)
            while at < end:
                piece = await asyncio.to_thread(file.read, min(_PIECE_BYTES, end - at))
                if not piece:
                    raise ReadRefused(code="unreadable", why="the file became shorter")
                crc = crc64nvme(piece, crc)
                if not await self._send_piece(request.id, at, piece):
                    return
                at += len(piece)
            self._send(End(request.id, end, crc))

    async def _checksums(self, request: ReadChecksums) -> None:
        path = await asyncio.to_thread(self._source.find, request.what)
        with await asyncio.to_thread(path.open, "rb", 0) as file:
            size = await asyncio.to_thread(_size_of, file)
            plan = PartPlan(size, request.range_bytes)
            self._send(Header(request.id, size, plan.count * CHECKSUM_BYTES))
            crc, at = 0, 0
            await asyncio.to_thread(file.seek, 0)
            for number in range(1, plan.count + 1):
                found, _ = await asyncio.to_thread(crc_of_stream, file, plan.part(number).length)
                piece = found.to_bytes(CHECKSUM_BYTES, "big")
                crc = crc64nvme(piece, crc)
                # One by one, so that whoever waits while a slow disk is read sees that it goes on.
                if not await self._send_data(Data(request.id, at, piece)):
                    return
                at += len(piece)
            self._send(End(request.id, at, crc))

    async def _send_piece(self, id_: int, offset: int, piece: bytes) -> bool:
        """Send a piece as its frames; return False once nobody wants it any more."""
        for data in _frames(id_, offset, piece):
            if not await self._send_data(data):
                return False
            self.sent_bytes += len(data.payload)
            self._on_sent(len(data.payload))
        return True

    async def _send_data(self, data: Data) -> bool:
        await self._session.bulk.writable()
        if not self._cancelled:
            self._send(data)
        return not self._cancelled

    def _send(self, frame: Frame) -> None:
        self._session.bulk.send(encode(frame))

    def _refuse(self, id_: int, code: str, why: str) -> None:
        self._refusals += 1
        self._send(Refusal(id_, code, why))
        if self._refusals >= MOST_REFUSALS:
            self._session.end(f"it asked {MOST_REFUSALS} times for what it was not given")


def _size_of(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _frames(id_: int, offset: int, piece: bytes) -> Iterator[Data]:
    view = memoryview(piece)
    for start in range(0, len(piece), _PAYLOAD_BYTES):
        yield Data(id_, offset + start, view[start : start + _PAYLOAD_BYTES])
