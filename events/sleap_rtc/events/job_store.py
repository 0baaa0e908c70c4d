"""Orchestration: the records of a room's jobs, changed by conditional writes alone.

A job that has not ended has a marker under `.open/jobs/`. It is written before anybody may hear of the job
and removed only after the job has ended, so whoever looks for unfinished work lists the markers and misses
nothing, and what has ended costs nothing, however much of it there is. What nobody needs of a job that has
ended, its checkpoint and results that no report names, is removed before the marker: where that fails, the
marker brings the sweep back to it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from sleap_rtc.events.event_facts import steps_after
from sleap_rtc.events.inference import InferenceRequest
from sleap_rtc.events.jobs import Job
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sleap_rtc.storage.object_store import ObjectStore


class OpenJob(BaseModel):
    """The body of a marker: which upload the job is to be made from."""

    upload_id: str
    announced_at: datetime


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

    def announce(self, upload: keys.UploadKey, job_id: str, now: datetime) -> None:
        """Say that a job is to be made of an upload, before anybody promises it; repeating it is harmless."""
        body = OpenJob(upload_id=upload.upload_id, announced_at=now).model_dump_json().encode()
        self._store.put(keys.open_job_key(upload.room_id, job_id), body, Overwrite())

    def announced(self, room_id: str, job_id: str) -> OpenJob:
        """Return what was announced. Raises NotFound, and ValueError where it cannot be read."""
        return OpenJob.model_validate_json(self._store.get(keys.open_job_key(room_id, job_id)).body)

    def forget(self, room_id: str, job_id: str) -> None:
        """Remove the checkpoint and the marker of a job that has ended, or that can never be made."""
        for info in list(self._store.list(keys.checkpoint_prefix(room_id, job_id))):
            self._store.delete(info.key)
        self._store.delete(keys.open_job_key(room_id, job_id))

    def create(self, job: Job) -> tuple[Job, bool]:
        """Write a job unless it exists; return the one that stands there now, and whether it is this one."""
        key = keys.job_key(job.room_id, job.job_id)
        if self._jobs.create(key, job):
            _tell_steps(0, job)
            return job, True
        return self._jobs.read(key).value, False

    def change(self, room_id: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Apply a pure change to the newest version; what it raises is raised here. Raises NotFound."""
        known = 0

        def changed(present: Job) -> Job:
            nonlocal known
            known = len(present.history)
            return change(present)

        try:
            job = self._jobs.change(keys.job_key(room_id, job_id), changed).value
        except NotFound:
            raise NotFound(what=f"job {job_id} in room {room_id}") from None
        _tell_steps(known, job)
        if job.ended:
            with suppress(SleapRtcError):  # the change stands; the sweep takes the marker away
                self.tidy(job)
        return job

    def tidy(self, job: Job) -> None:
        """Remove what nobody needs of a job that has ended, its marker last."""
        self._drop_half_results(job)
        self.forget(job.room_id, job.job_id)

    def _drop_half_results(self, job: Job) -> None:
        """Remove what holders brought who did not come to report it."""
        if not isinstance(job.request, InferenceRequest):
            return
        kept = str(job.results_folder) if job.results else None
        for info in list(self._store.list(keys.results_prefix(job.room_id, job.job_id))):
            if kept is None or not info.key.startswith(kept):
                self._store.delete(info.key)

    def open(self, room_id: str) -> Iterator[Job]:
        """Yield the room's jobs that have not ended, oldest first (one LIST per 1,000 and one GET each)."""
        prefix = keys.open_jobs_prefix(room_id)
        yield from self._found(room_id, (info.key.removeprefix(prefix) for info in self._store.list(prefix)))

    def newest(self, room_id: str, most: int) -> list[Job]:
        """Return the newest jobs of a room, oldest first (one LIST per 1,000 jobs, one GET each returned)."""
        every = list(self._store.folders(keys.jobs_prefix(room_id)))
        return list(self._found(room_id, iter(every[-most:])))

    def _found(self, room_id: str, job_ids: Iterator[str]) -> Iterator[Job]:
        for job_id in job_ids:
            try:
                yield self.get(room_id, job_id)
            except NotFound:
                continue


def _tell_steps(known: int, job: Job) -> None:
    for step in steps_after(known, job):
        tell(step)
