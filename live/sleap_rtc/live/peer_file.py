"""Orchestration: what is missing of a partial file, read from one peer, range by range, each verified.

A manifest knows the checksum of a whole file only. The peer is asked for those of its ranges first: they have
to make up the one of the whole, or the peer has other bytes and is asked for none of them. After that every
range can be judged as it comes, and what is wrong is known to be this peer's doing.

CRCs find what was damaged, not what was forged. Who may forge here may also publish models in the room.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, BinaryIO

from sleap_rtc.live.errors import PeerStalled, PeerWrong
from sleap_rtc.live.file_reader import AHEAD
from sleap_rtc.live.patience import Patience, Watch
from sleap_rtc.storage.checksum import combine, to_text
from sleap_rtc.storage.part_plan import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any

    from sleap_rtc.live.file_reader import FileReader
    from sleap_rtc.live.file_requests import What
    from sleap_rtc.storage.part_plan import Part, PartPlan
    from sleap_rtc.storage.partial_file import PartialFile

READ_BYTES = MIB
_A_CHECKSUM = Patience(least_bytes=1, within_s=60.0)


class PeerFile:
    """One file, as a peer has it.

    Args:
        reader: reads from the peer.
        what: the file.
        plan: its ranges.
        checksum: of the whole.
        patience: how slow the peer may be.
    """

    def __init__(
        self, reader: FileReader, what: What, plan: PartPlan, checksum: str, patience: Patience
    ) -> None:
        self._reader = reader
        self._peer_id = reader.session.peer_id
        self._what = what
        self._plan = plan
        self._checksum = checksum
        self._patience = patience
        self._watch = Watch(patience, 0.0)
        reader.on_bytes = self._came
        self._ranges: list[int] = []

    async def fetch(self, partial: PartialFile, numbers: Iterable[int], done: Callable[[Part], None]) -> None:
        """Bring ranges into their places and record them.

        Args:
            partial: the file; it is open.
            numbers: which ranges.
            done: called after each.

        Raises:
            PeerLost: the session ended.
            PeerStalled: too little came.
            PeerWrong: the peer has, or sent, other bytes.
            ReadRefused: the peer does not have the file, or does not give it.
            OSError: the disk cannot be written.
        """
        await self._watched(_A_CHECKSUM, self._learn())
        await self._watched(self._patience, self._bring(partial, numbers, done))

    async def _learn(self) -> None:
        ranges = await self._reader.checksums(self._what, self._plan)
        lengths = (part.length for part in self._plan.parts())
        if to_text(combine(zip(ranges, lengths, strict=True))) != self._checksum:
            raise PeerWrong(peer=self._peer_id, why=f"its {self._what.file} is not the published one")
        self._ranges = ranges

    async def _bring(
        self, partial: PartialFile, numbers: Iterable[int], done: Callable[[Part], None]
    ) -> None:
        place = _Place(partial.path.open("r+b", buffering=0))
        try:
            for number in numbers:
                part = self._plan.part(number)
                await self._range(place, part)
                partial.record(number, part.length, self._ranges[number - 1])
                done(part)
        finally:
            place.close()

    async def _range(self, place: _Place, part: Part) -> None:
        offsets = range(part.offset, part.offset + part.length, READ_BYTES)
        pieces: list[tuple[int, int]] = []
        reads: list[asyncio.Task[tuple[int, int]]] = []
        try:
            for offset in offsets:
                length = min(READ_BYTES, part.offset + part.length - offset)
                reads.append(asyncio.create_task(self._piece(place, offset, length)))
                if len(reads) > AHEAD:
                    pieces.append(await reads.pop(0))
            while reads:
                pieces.append(await reads.pop(0))
        finally:
            for read in reads:
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
        if combine(pieces) != self._ranges[part.number - 1]:
            raise PeerWrong(peer=self._peer_id, why="a range does not have the checksum that it said")

    async def _piece(self, place: _Place, offset: int, length: int) -> tuple[int, int]:
        content, crc = await self._reader.read(self._what, offset, length, self._plan.size_bytes)
        await asyncio.to_thread(place.write, content, offset)
        return crc, length

    async def _watched(self, patience: Patience, work: Coroutine[Any, Any, None]) -> None:
        """Do some work for as long as enough comes. Raises PeerStalled."""
        now = asyncio.get_running_loop().time
        watch = self._watch = Watch(patience, now())
        task = asyncio.create_task(work)
        try:
            while (left_s := watch.left_s(now())) > 0:
                await asyncio.wait([task], timeout=left_s)
                if task.done():
                    return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        raise PeerStalled(peer=self._peer_id, got_bytes=watch.bytes, within_s=patience.within_s)

    def _came(self, count: int) -> None:
        self._watch.came(count, asyncio.get_running_loop().time())


class _Place:
    """Where bytes are written. Threads take turns, and one that comes too late writes nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writing = threading.Lock()

    def close(self) -> None:
        with self._writing:
            self._file.close()

    def write(self, content: bytearray, offset: int) -> None:
        with self._writing:
            if self._file.closed:
                return
            self._file.seek(offset)
            left = memoryview(content)
            while left:
                left = left[self._file.write(left) :]
