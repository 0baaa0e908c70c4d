"""Orchestration: asks a peer for ranges of its files, several ahead, and checks every answer.

Memory holds what was asked for and no more: a peer that sends something else is told goodbye.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.errors import PeerLost, PeerWrong, ReadRefused
from sleap_rtc.live.file_frames import Data, End, Frame, FrameUnreadable, Header, Refusal, decode
from sleap_rtc.live.file_requests import CHECKSUM_BYTES, Cancel, ReadChecksums, ReadRange
from sleap_rtc.storage.checksum import crc64nvme

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.live.file_requests import What
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.storage.part_plan import PartPlan

AHEAD = 4
"""Requests under way at once: with 1 MiB each, enough for 10 MB/s over a round trip of 400 ms."""


class FileReader:
    """Reads from one peer: one reader for a session, since requests are numbered.

    Args:
        session: with the peer.
    """

    def __init__(self, session: PeerSession) -> None:
        self.session = session
        self.on_bytes: Callable[[int], None] = lambda _: None
        """Called with the number of bytes of each frame that comes."""
        self._last_id = 0
        self._answers: dict[int, _Answer] = {}
        self._under_way = asyncio.Semaphore(AHEAD)
        session.bulk.listen(self._came)

    async def read(self, what: What, offset: int, length: int, size_bytes: int) -> tuple[bytearray, int]:
        """Return a range of a file of this size, and the range's CRC.

        Raises:
            ReadRefused: the peer says no.
            PeerLost: the session ended.
            PeerWrong: the file has another size, or what came is not what the peer says it sent.
        """
        async with self._under_way:
            self._last_id += 1
            request = ReadRange(id=self._last_id, what=what, offset=offset, length=length)
            answer = _Answer(size_bytes, offset, length)
            return await self._ask(request, answer)

    async def read_small(self, what: What, most_bytes: int) -> bytes:
        """Return a whole file that is not empty and has no more than so many bytes, up to LARGEST_READ_BYTES.

        Raises:
            ReadRefused: the peer says no, or the file is larger.
            PeerLost: the session ended.
            PeerWrong: what came is not what the peer says it sent.
        """
        async with self._under_way:
            self._last_id += 1
            answer = _Answer(None, 0, 1)
            await self._ask(ReadRange(id=self._last_id, what=what, offset=0, length=1), answer)
        size = answer.size_bytes or 0
        if size > most_bytes:
            raise ReadRefused(code="too_large", why=f"it has {size:,} bytes and may have {most_bytes:,}")
        content, _ = await self.read(what, 0, size, size)
        return bytes(content)

    async def checksums(self, what: What, plan: PartPlan) -> list[int]:
        """Return the CRC of every range of a file, as the peer finds them.

        Raises:
            ReadRefused: the peer says no.
            PeerLost: the session ended.
            PeerWrong: the file has another size, or what came is not what the peer says it sent.
        """
        async with self._under_way:
            self._last_id += 1
            request = ReadChecksums(id=self._last_id, what=what, range_bytes=plan.part_size_bytes)
            listed, _ = await self._ask(request, _Answer(plan.size_bytes, 0, plan.count * CHECKSUM_BYTES))
        numbers = range(0, len(listed), CHECKSUM_BYTES)
        return [int.from_bytes(listed[at : at + CHECKSUM_BYTES], "big") for at in numbers]

    async def _ask(self, request: ReadRange | ReadChecksums, answer: _Answer) -> tuple[bytearray, int]:
        self._answers[request.id] = answer
        try:
            self.session.ctl.send(request.text())
            end = await self._whole(answer)
        except asyncio.CancelledError:
            with suppress(PeerLost):
                self.session.ctl.send(Cancel(id=request.id).text())
            raise
        finally:
            del self._answers[request.id]
            answer.whole.cancel()
        found = await asyncio.to_thread(crc64nvme, memoryview(answer.content))
        if found != end.crc:
            self._wrong("its bytes do not have the checksum that it sent")
        return answer.content, found

    async def _whole(self, answer: _Answer) -> End:
        ended = asyncio.ensure_future(self.session.wait_ended())
        either: list[asyncio.Future[Any]] = [answer.whole, ended]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if not answer.whole.done():
            raise PeerLost(peer=self.session.peer_id, why=self.session.why_ended)
        return answer.whole.result()

    def _came(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._break("text where there should be frames")
            return
        try:
            frame = decode(message)
        except FrameUnreadable as error:
            self._break(str(error))
            return
        answer = self._answers.get(frame.id)
        if answer is None:
            # What was cancelled may still be on its way.
            if isinstance(frame, Refusal) and not frame.id:
                self._break(f"it does not understand us: {frame.why}")
            elif not 0 < frame.id <= self._last_id:
                self._break(f"an answer to a request {frame.id} that there was not")
            return
        if isinstance(frame, Data):
            self.on_bytes(len(frame.payload))
        if why := answer.take(frame):
            self._break(why)

    def _break(self, why: str) -> None:
        """End a session whose other side speaks otherwise than agreed; whoever waits learns why."""
        for answer in self._answers.values():
            if not answer.whole.done():
                answer.whole.set_exception(PeerWrong(peer=self.session.peer_id, why=why))
        self.session.end(f"it sent something wrong: {why}")

    def _wrong(self, why: str) -> None:
        self._break(why)
        raise PeerWrong(peer=self.session.peer_id, why=why)


class _Answer:
    """What has come of an answer about a file, whose size is learnt if it is not known."""

    def __init__(self, size_bytes: int | None, offset: int, length: int) -> None:
        self.content = bytearray(length)
        self.whole: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self.size_bytes = size_bytes
        self._offset = offset
        self._length = length
        self._begun = False
        self._came = 0

    def take(self, frame: Frame) -> str:
        """Take a frame; return what is wrong with it."""
        if self.whole.done():
            return "frames behind the end"
        match frame:
            case Refusal():
                self.whole.set_exception(ReadRefused(code=frame.code, why=frame.why))
            case Header():
                return self._header(frame)
            case Data():
                return self._data(frame)
            case End():
                if self._came != self._length or frame.offset != self._offset + self._length:
                    return f"an end after {self._came} of {self._length} bytes"
                self.whole.set_result(frame)
        return ""

    def _header(self, frame: Header) -> str:
        if self._begun:
            return "a second header"
        self._begun = True
        if self.size_bytes is None:
            self.size_bytes = frame.size_bytes
        if frame.size_bytes != self.size_bytes:
            return f"a file of {frame.size_bytes} bytes instead of {self.size_bytes}"
        return "" if frame.length == self._length else f"{frame.length} bytes instead of {self._length}"

    def _data(self, frame: Data) -> str:
        if not self._begun or frame.offset != self._offset + self._came:
            return f"bytes for offset {frame.offset}"
        length = len(frame.payload)
        if self._came + length > self._length:
            return "more bytes than were asked for"
        self.content[self._came : self._came + length] = frame.payload
        self._came += length
        return ""
