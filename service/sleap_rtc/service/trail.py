"""Orchestration: what happened in a room, of its members, its models and its jobs, in the order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.room_api import TrailLine
from sleap_rtc.storage.room_record import RoomRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.room import Room
    from sleap_rtc.storage.rooms_storage import RoomsStorage


class Trail:
    """The trails of all rooms.

    Args:
        store: the rooms bucket.
        models: have a history of their own.
        jobs: say who submitted and who cancelled them.
    """

    def __init__(self, store: ObjectStore, models: RoomsStorage, jobs: JobStore) -> None:
        self._store = store
        self._models = models
        self._jobs = jobs

    def of(self, room: Room, most: int) -> list[TrailLine]:
        """Return the last lines, the newest last (at most one GET for each line of each kind)."""
        lines = [*self._of_members(room, most), *self._of_models(room, most), *self._of_jobs(room, most)]
        return sorted(lines, key=lambda line: line.at)[-most:]

    def _of_members(self, room: Room, most: int) -> Iterator[TrailLine]:
        for entry in RoomRecord(room.room_id, self._store).history(most)[::-1]:
            change = entry.change
            yield TrailLine(
                at=entry.at, by=room.name_of(entry.by), about="room", kind=change.kind, text=change.words()
            )

    def _of_models(self, room: Room, most: int) -> Iterator[TrailLine]:
        for entry in self._models.of(room.room_id).history(most)[::-1]:
            change = entry.change
            yield TrailLine(
                at=entry.at, by=room.name_of(entry.by), about="model", kind=change.kind, text=change.words()
            )

    def _of_jobs(self, room: Room, most: int) -> Iterator[TrailLine]:
        for job in self._jobs.newest(room.room_id, most):
            yield TrailLine(
                at=job.created_at,
                by=room.name_of(job.created_by),
                about="job",
                kind="submitted",
                text=_submitted(job),
            )
            last = job.history[-1]
            if job.state is JobState.CANCELLED:
                text = f"job {job.job_id} was cancelled"
                yield TrailLine(at=last.at, by=last.by, about="job", kind="cancelled", text=text)


def _submitted(job: Job) -> str:
    again = f", which does {job.retry_of} again," if job.retry_of else ""
    return f"job {job.job_id}{again} was submitted for {job.dataset.file_name}"
