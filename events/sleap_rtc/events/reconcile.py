"""Orchestration: a sweep that does what lost events would have done.

It compares what lies in the buckets: completed uploads without a job, jobs whose message or worker is gone,
models that no manifest names. Cost: three LISTs per room and 1,000 entries, one GET of its manifest, and one
GET per record that is not settled yet.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events import jobs
from sleap_rtc.events.jobs import HELD, WAITING, Job, JobState
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound, SleapRtcError, Unreachable
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sleap_rtc.events.dispatch import Dispatch
    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.publish import Publish
    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)


@contextmanager
def _passing_over(what: str) -> Iterator[None]:
    """Go on where one thing cannot be dealt with; a store that does not answer ends the sweep."""
    try:
        yield
    except Unreachable:
        raise
    except SleapRtcError as error:
        log.warning("the sweep passes over %s: %s", what, error)


class Reconcile:
    """Sweeps all rooms.

    Args:
        rooms: the rooms bucket.
        rooms_bucket: its name.
        job_store: the jobs.
        dispatch: makes the jobs of uploads that nobody was told of.
        publish: publishes the models that nobody was told of.
        send: puts a message on a room's job queue.
        feed: tells the room.
        patience: how long an event may be late before the sweep acts in its place.
        most_attempts: after how many lost workers a job fails.
    """

    def __init__(
        self,
        rooms: ObjectStore,
        rooms_bucket: str,
        job_store: JobStore,
        dispatch: Dispatch,
        publish: Publish,
        send: Callable[[JobMessage], Awaitable[None]],
        feed: RoomFeed,
        *,
        patience: timedelta,
        most_attempts: int,
    ) -> None:
        self._rooms = rooms
        self._bucket = rooms_bucket
        self._uploads = Documents(rooms, UploadRecord)
        self._jobs = job_store
        self._dispatch = dispatch
        self._publish = publish
        self._send = send
        self._feed = feed
        self._patience = patience
        self._most_attempts = most_attempts
        self._ended: set[str] = set()
        self._resent: dict[str, datetime] = {}

    async def run(self, stop: asyncio.Event, interval_s: float) -> None:
        """Sweep at an interval until `stop` is set."""
        while not stop.is_set():
            try:
                await self.sweep(datetime.now(UTC))
            except Unreachable as error:
                log.warning("the sweep was cut short: %s", error)
            except Exception:
                log.exception("the sweep was cut short")
            try:
                await asyncio.wait_for(stop.wait(), interval_s)
            except TimeoutError:
                continue

    async def sweep(self, now: datetime) -> None:
        """Look at every room once. What is wrong with one record does not keep the others from theirs."""
        for room_id in await asyncio.to_thread(lambda: list(self._rooms.folders())):
            try:
                keys.checked_room_id(room_id)
            except InputError:
                continue
            with _passing_over(f"the models of room {room_id}"):
                await self._sweep_models(room_id)
            with _passing_over(f"the uploads of room {room_id}"):
                await self._sweep_uploads(room_id, now)
            with _passing_over(f"the jobs of room {room_id}"):
                await self._sweep_jobs(room_id, now)

    async def _sweep_uploads(self, room_id: str, now: datetime) -> None:
        def unsettled() -> list[tuple[str, str]]:
            found = self._rooms.list(keys.upload_records_prefix(room_id))
            versions = [(info.key, f"{info.key}@{info.etag}") for info in found]
            return [(key, version) for key, version in versions if version not in self._ended]

        for key, version in await asyncio.to_thread(unsettled):
            with _passing_over(key):
                if await self._settles_upload(room_id, key, now):
                    self._ended.add(version)

    async def _settles_upload(self, room_id: str, key: str, now: datetime) -> bool:
        record = (await asyncio.to_thread(self._uploads.read, key)).value
        if record.state == "aborted" or (record.state == "completed" and not record.jobs):
            return True
        if record.state == "open" or not self._is_late(record.created_at, now):
            return False
        upload = keys.UploadKey(room_id, record.upload_id)
        return bool(await self._dispatch.dispatch(upload, "reconcile"))

    async def _sweep_jobs(self, room_id: str, now: datetime) -> None:
        def unsettled() -> list[str]:
            found = self._rooms.folders(keys.jobs_prefix(room_id))
            return [job_id for job_id in found if job_id not in self._ended]

        for job_id in await asyncio.to_thread(unsettled):
            with _passing_over(f"job {job_id}"):
                await self._sweep_job(await asyncio.to_thread(self._jobs.get, room_id, job_id), now)

    async def _sweep_job(self, job: Job, now: datetime) -> None:
        if job.ended:
            self._ended.add(job.job_id)
        elif self._is_lost(job, now):
            if not await asyncio.to_thread(self._had_finished, job):
                await self._requeue(job, now)
        elif job.state in WAITING and self._may_have_lost_its_message(job, now):
            self._resent[job.job_id] = now
            await self._send(JobMessage.of(job))

    def _may_have_lost_its_message(self, job: Job, now: datetime) -> bool:
        """Tell whether to send it again: after a while, and then whenever the wait has doubled, so that a job
        that waits a week for its worker does not fill the queue."""
        since = job.since()
        last = self._resent.get(job.job_id)
        return self._is_late(since, now) and (
            last is None or last < since or now - since >= 2 * (last - since)
        )

    def _is_lost(self, job: Job, now: datetime) -> bool:
        return job.state in HELD and jobs.lease_remaining_s(job, now - self._patience) == 0

    def _had_finished(self, job: Job) -> bool:
        """Tell whether the lost worker had sent its model, which is published then."""
        if job.model_id is None or job.model_type is None:
            return False
        folder = keys.ModelFolder(job.room_id, job.model_type, job.model_id)
        self._publish.publish(folder, "reconcile")
        return self._jobs.get(job.room_id, job.job_id).ended

    async def _requeue(self, job: Job, now: datetime) -> None:
        def to_requeued(present: Job) -> Job:
            if present.fencing != job.fencing or not self._is_lost(present, now):
                return present
            return jobs.lost(present, now, "the lease ran out", self._most_attempts)

        log.warning("job %s: its worker is lost", job.job_id)
        changed = await asyncio.to_thread(self._jobs.change, job.room_id, job.job_id, to_requeued)
        await asyncio.to_thread(self._feed.tell_job, changed, len(changed.history) - len(job.history))
        if changed.state is JobState.REQUEUED:
            await self._send(JobMessage.of(changed))

    async def _sweep_models(self, room_id: str) -> None:
        def unpublished() -> list[keys.ModelFolder]:
            known = RoomStorage(room_id, self._rooms, self._bucket).manifest().models
            folders = (
                keys.parse_model_key(f"{keys.models_prefix(room_id)}{name}{keys.MODEL_MARKER}")
                for name in self._rooms.folders(keys.models_prefix(room_id))
            )
            return [folder for folder in folders if folder and folder.model_id not in known]

        for folder in await asyncio.to_thread(unpublished):
            with _passing_over(str(folder)):
                await asyncio.to_thread(self._sweep_model, folder)

    def _sweep_model(self, folder: keys.ModelFolder) -> None:
        try:
            version = f"{folder.record}@{self._rooms.head(folder.record).etag}"
        except NotFound:
            return  # its files are still on their way
        if version not in self._ended and self._publish.publish(folder, "reconcile"):
            self._ended.add(version)  # refused, until another worker writes it

    def _is_late(self, since: datetime, now: datetime) -> bool:
        return now - since > self._patience
