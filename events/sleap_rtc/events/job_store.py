"""Orchestration: the records of a room's jobs, changed by conditional writes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import Job
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sleap_rtc.storage.object_store import ObjectStore


class JobStore:
    """Jobs of all rooms. Every method may raise Unreachable."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._jobs = Documents(store, Job)

    def get(self, room_id: str, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        try:
            return self._jobs.read(keys.job_key(room_id, job_id)).value
        except NotFound:
            raise NotFound(what=f"job {job_id} in room {room_id}") from None

    def create(self, job: Job) -> Job:
        """Write a job unless it exists; return the one that stands there now."""
        key = keys.job_key(job.room_id, job.job_id)
        return job if self._jobs.create(key, job) else self._jobs.read(key).value

    def change(self, room_id: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Apply a pure change to the newest version; what the change raises is raised here."""
        return self._jobs.change(keys.job_key(room_id, job_id), change).value

    def list(self, room_id: str) -> Iterator[Job]:
        """Yield the room's jobs, oldest first (one LIST per 1,000 jobs and one GET each)."""
        for job_id in self._store.folders(keys.jobs_prefix(room_id)):
            try:
                yield self.get(room_id, job_id)
            except NotFound:
                continue
