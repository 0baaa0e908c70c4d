"""Orchestration: the live events of one job as they come to the room's bucket, for all who watch it here.

One task looks once a second, however many watch. Each of them goes through the pieces that it found at his
own pace; what was read for one is at hand for the others.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import OrderedDict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ValidationError

from sleap_rtc.events.job_asks import awaits_last_words, watched
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound, SleapRtcError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

POLL_EVERY_S = 1.0
"""In an hour 3,600 LISTs and as many GETs: $0.019 (S3 in us-east-1, November 2026)."""
_MOST_PIECES = 2000
_MOST_AT_HAND = 32
_LONGEST_LINE = 64 * 1024
_END = "end"


class Place(NamedTuple):
    """Where an event stands: in which run of the job, and its number there."""

    run: int
    seq: int


FIRST = Place(0, 0)


class Line(NamedTuple):
    """An event as its worker wrote it; what it says is for the watcher, who may be newer than the service."""

    place: Place
    kind: str
    text: str


class JobTail:
    """Follows one job from its making until `stop`; made in an event loop.

    Args:
        rooms: the rooms bucket.
        jobs: the records in it.
        room_id: the room.
        job_id: the job, which is there.
    """

    def __init__(self, rooms: ObjectStore, jobs: JobStore, room_id: str, job_id: str) -> None:
        self._rooms = rooms
        self._jobs = jobs
        self._room_id = room_id
        self._job_id = job_id
        self.watchers = 0
        self._job: Job | None = None  # as it is now, if there is nothing to tell that was not found
        self._pieces: list[Place] = []
        self._start: Place | None = None
        self._at_hand: OrderedDict[Place, asyncio.Task[list[Line]]] = OrderedDict()
        self._turn = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Look no longer."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def lines(self, after: Place) -> AsyncGenerator[Line]:
        """Yield what the job's workers tell after a place, until the job has ended and all is told.

        Raises:
            NotFound: the job is gone.
        """
        ended_run = -1
        while True:
            turn, start = self._turn, self._start
            try:
                pieces = await self._pieces_after(after)
                for piece in pieces:
                    for line in await self._lines_of(piece):
                        if line.place > after:
                            after = line.place
                            ended_run = line.place.run if line.kind == _END else ended_run
                            yield line
                    after = max(after, piece)
            except SleapRtcError as error:
                log.info("job %s: a watcher is told later: %s", self._job_id, error)
            else:
                if not pieces and self._is_over(ended_run):
                    return
                if pieces:
                    continue
                after = max(after, start or after)
            if self._task.done():
                self._task.result()
            await turn.wait()

    def _is_over(self, ended_run: int) -> bool:
        job = self._job
        if job is None or not job.ended:
            return False
        return ended_run == job.fencing or not awaits_last_words(job, datetime.now(UTC))

    async def _pieces_after(self, place: Place) -> list[Place]:
        if self._start is None:  # the first look is under way
            return []
        if place >= self._start:
            return self._pieces[bisect_right(self._pieces, place) :]
        return await asyncio.to_thread(self._list, place)

    async def _lines_of(self, piece: Place) -> list[Line]:
        reading = self._at_hand.get(piece)
        if reading is None or (reading.done() and reading.exception() is not None):
            reading = asyncio.create_task(asyncio.to_thread(self._read, piece))
            self._at_hand[piece] = reading
            while len(self._at_hand) > _MOST_AT_HAND:
                self._at_hand.popitem(last=False)
        return await asyncio.shield(reading)

    async def _follow(self) -> None:
        try:
            while True:
                try:
                    await self._look()
                except NotFound:
                    raise
                except SleapRtcError as error:
                    log.warning("job %s: not looked at for its watchers: %s", self._job_id, error)
                    self._job = None
                self._wake()
                await asyncio.sleep(POLL_EVERY_S)
        finally:
            self._wake()

    def _wake(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _look(self) -> None:
        """What was written before the record said that the job had ended is found with it."""
        job = await asyncio.to_thread(self._watched)
        newest = self._pieces[-1] if self._pieces else self._start or Place(job.fencing, 0)
        found = await asyncio.to_thread(self._list, newest)
        self._start = self._start or newest
        self._pieces += found
        if len(self._pieces) > _MOST_PIECES:
            self._start = self._pieces[-_MOST_PIECES - 1]
            del self._pieces[:-_MOST_PIECES]
        self._job = None if found else job

    def _watched(self) -> Job:
        job = self._jobs.get(self._room_id, self._job_id)
        if watched(job, datetime.now(UTC)) is job:
            return job
        return self._jobs.change(
            self._room_id, self._job_id, lambda present: watched(present, datetime.now(UTC))
        )

    def _list(self, after: Place) -> list[Place]:
        prefix = keys.progress_prefix(self._room_id, self._job_id)
        start = keys.progress_key(self._room_id, self._job_id, *after)
        places = (keys.parse_progress_key(found.key) for found in self._rooms.list(prefix, start))
        return [Place(*place) for place in islice((each for each in places if each), _MOST_PIECES)]

    def _read(self, piece: Place) -> list[Line]:
        try:
            body = self._rooms.get(keys.progress_key(self._room_id, self._job_id, *piece)).body
        except NotFound:
            return []
        lines = []
        for raw in body.split(b"\n"):
            line = _line(raw)
            if line is not None and line.place.run == piece.run and line.place.seq <= piece.seq:
                lines.append(line)
        return lines


class _Event(BaseModel):
    kind: str


class _Told(BaseModel):
    run: int
    seq: int
    event: _Event


def _line(raw: bytes) -> Line | None:
    # A carriage return would end a line of the stream.
    if not raw or len(raw) > _LONGEST_LINE or b"\r" in raw:
        return None
    try:
        told = _Told.model_validate_json(raw)
        return Line(Place(told.run, told.seq), told.event.kind, raw.decode())
    except (ValidationError, UnicodeDecodeError):
        return None
