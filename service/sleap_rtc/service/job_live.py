"""Orchestration: a job under way for those who have no live path to its worker: its events, commands to it,
and pictures that its trainer drew. Whoever calls has seen to it that the caller may do it."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from sleap_rtc.events.job_asks import answer_of, asked, command_of
from sleap_rtc.events.job_live_api import CommandView, SampleView
from sleap_rtc.service.job_tail import JobTail
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sleap_rtc.events.job_live_api import GiveCommand
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.job_tail import Line, Place
    from sleap_rtc.storage.object_store import ObjectStore

_MOST_SAMPLES = 1000


class JobLive:
    """The jobs of all rooms, as this instance tells of them.

    Args:
        rooms: the rooms bucket.
        jobs: the records in it.
    """

    def __init__(self, rooms: ObjectStore, jobs: JobStore) -> None:
        self._rooms = rooms
        self._jobs = jobs
        self._tails: dict[tuple[str, str], JobTail] = {}

    async def events(self, room_id: str, job_id: str, after: Place) -> AsyncGenerator[Line]:
        """Yield what the job's workers tell after a place until the job has ended; it counts as watched."""
        key = (room_id, job_id)
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = JobTail(self._rooms, self._jobs, room_id, job_id)
        tail.watchers += 1
        try:
            async with aclosing(tail.lines(after)) as lines:
                async for line in lines:
                    yield line
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                del self._tails[key]
                await tail.stop()

    def give(self, room_id: str, job_id: str, request: GiveCommand, caller: Caller) -> CommandView:
        """Put a command where the job's worker finds it; the same command again is the same command.

        Raises:
            NotFound: there is no such job in this room.
            CommandRefused: nobody would obey it.
        """

        def with_command(present: Job) -> Job:
            return asked(present, request.command_id, request.command, caller.name, datetime.now(UTC))

        return _view(self._jobs.change(room_id, job_id, with_command), request.command_id)

    def command(self, room_id: str, job_id: str, command_id: str) -> CommandView:
        """Return a command and its answer. Raises NotFound."""
        return _view(self._jobs.get(room_id, job_id), command_id)

    def samples(self, room_id: str, job_id: str) -> list[SampleView]:
        """Return which pictures there are. Raises NotFound where there is no such job."""
        self._jobs.get(room_id, job_id)
        prefix = keys.samples_prefix(room_id, job_id)
        return [
            SampleView(name=found.key.removeprefix(prefix), size_bytes=found.size_bytes, at=found.modified)
            for found in islice(self._rooms.list(prefix), _MOST_SAMPLES)
        ]

    def sample(self, room_id: str, job_id: str, name: str) -> bytes:
        """Return a picture. Raises NotFound."""
        try:
            return self._rooms.get(keys.sample_key(room_id, job_id, name)).body
        except NotFound:
            raise NotFound(what=f"sample {name} of job {job_id}") from None


def _view(job: Job, command_id: str) -> CommandView:
    found = command_of(job, command_id)
    answer = answer_of(found, job, datetime.now(UTC))
    return CommandView(
        command_id=found.command_id, command=found.command, by=found.by, at=found.at, answer=answer
    )
