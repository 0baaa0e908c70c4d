"""Orchestration: a sweep that does what lost events would have done.

It looks at what has not ended: uploads whose completion nobody heard of, jobs whose message or worker is
gone, models that were sent and not published. Cost: one LIST per 1,000 markers under `.open/` for all rooms
together, and one GET for each job that has not ended, however long the history is. A deep sweep, at the start
and once an hour, also looks for models that no manifest names, say because a manifest was deleted: one LIST
per 1,000 models and one GET per room.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events import job_steps
from sleap_rtc.events.event_facts import JobsFound, Mended, SweepEnded
from sleap_rtc.events.jobs import HELD, WAITING, Job, JobState
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import JOB_LOST, MODEL_REFUSED, SWEEP, SWEEP_MENDED
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.notice_handler import NoticeRefused
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound, SleapRtcError, Unreachable
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.dispatch import Dispatch
    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_queues import JobQueues
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.publish import Publish
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.rooms_storage import RoomsStorage

log = logging.getLogger(__name__)

_SEND_ANYWAY_AFTER = timedelta(hours=1)
_DEEP_EVERY = timedelta(hours=1)
_ABANDONED_AFTER = timedelta(days=8)
"""The lifecycle rule of the uploads bucket has aborted an unfinished upload a day before."""


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
        models: the manifests in it.
        job_store: the jobs.
        dispatch: makes the jobs of uploads that nobody was told of.
        publish: publishes the models that nobody was told of.
        queues: the rooms' job queues.
        feed: tells the room.
        patience: how long an event may be late before the sweep acts in its place.
        most_attempts: after how many lost workers a job fails.
    """

    def __init__(
        self,
        rooms: ObjectStore,
        models: RoomsStorage,
        job_store: JobStore,
        dispatch: Dispatch,
        publish: Publish,
        queues: JobQueues,
        feed: RoomFeed,
        *,
        patience: timedelta,
        most_attempts: int,
    ) -> None:
        self._rooms = rooms
        self._models = models
        self._jobs = job_store
        self._dispatch = dispatch
        self._publish = publish
        self._queues = queues
        self._feed = feed
        self._patience = patience
        self._most_attempts = most_attempts
        self._refused: set[str] = set()
        self._resent: dict[str, datetime] = {}
        self._found: list[Job] = []

    async def run(self, stop: asyncio.Event, interval_s: float) -> None:
        """Sweep at an interval until `stop` is set."""
        deep_at = datetime.min.replace(tzinfo=UTC)
        while not stop.is_set():
            now = datetime.now(UTC)
            try:
                await self.sweep(now)
                if now >= deep_at:
                    await self.sweep_deep()
                    deep_at = now + _DEEP_EVERY
                tell(SweepEnded("done"))
            except Unreachable as error:
                log.warning("the sweep was cut short: %s", error)
                tell(SweepEnded("failed"))
            except Exception:
                log.exception("the sweep was cut short")
                tell(SweepEnded("failed"))
            try:
                async with asyncio.timeout(interval_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def sweep(self, now: datetime) -> None:
        """Look at all that has not ended. What is wrong with one does not keep the others from theirs."""
        seen: list[Job] = []
        self._found = []
        for found in await asyncio.to_thread(lambda: list(self._rooms.list(keys.OPEN_PREFIX))):
            marker = keys.parse_open_key(found.key)
            if marker is None:
                continue
            with _passing_over(found.key):
                if marker.kind == "uploads":
                    await self._sweep_upload(marker, found.modified, now)
                else:
                    seen += await self._sweep_job(marker, now)
        await self._send_what_is_lost(seen, now)
        tell(_census(self._found, now))

    async def _sweep_upload(self, marker: keys.OpenMarker, since: datetime, now: datetime) -> None:
        if not self._is_late(since, now):
            return
        upload = keys.UploadKey(marker.room_id, marker.id)
        try:
            made = await self._dispatch.dispatch(upload, SWEEP)
            complete = made is not None
            for _ in made or ():
                tell(Mended("dispatched"))
        except NoticeRefused:
            complete = False
        if not complete and now - since > _ABANDONED_AFTER:
            await asyncio.to_thread(self._rooms.delete, keys.open_upload_key(upload))

    async def _sweep_job(self, marker: keys.OpenMarker, now: datetime) -> list[Job]:
        """Return the job if a message is to stand for it."""
        try:
            job = await asyncio.to_thread(self._jobs.get, marker.room_id, marker.id)
        except NotFound:
            await self._sweep_promise(marker, now)
            return []
        if not job.ended:
            self._found.append(job)
        if job.ended:
            await asyncio.to_thread(self._jobs.tidy, job)
        elif job.accepted or self._is_lost(job, now):
            if not await asyncio.to_thread(self._had_finished, job):
                await self._requeue(job, now)
        elif job.state is not JobState.UPLOADING:  # a worker that has sent its model has settled the message
            return [job]
        return []

    async def _sweep_promise(self, marker: keys.OpenMarker, now: datetime) -> None:
        """Make a job that was promised to somebody, by a service that did not come to make it."""
        try:
            promise = await asyncio.to_thread(self._jobs.announced, marker.room_id, marker.id)
        except (NotFound, ValueError):
            return
        if not self._is_late(promise.announced_at, now):
            return
        upload = keys.UploadKey(marker.room_id, promise.upload_id)
        try:
            made = await self._dispatch.dispatch_one(upload, marker.id, SWEEP)
        except NoticeRefused:
            made = None
        if made is not None:
            tell(Mended("dispatched"))
        else:
            await asyncio.to_thread(self._jobs.forget, marker.room_id, marker.id)

    async def _send_what_is_lost(self, jobs: list[Job], now: datetime) -> None:
        """Send a message again for jobs that wait while their queue is short of messages.

        A queue with a message for every job of the room has lost none, and one more would only start a pod
        for nothing. A message that stands for no job any more can hide that another is missing, so after an
        hour it is sent anyway.
        """
        wanted = Counter(job.room_id for job in jobs)
        for job in jobs:
            if job.state not in WAITING or not self._may_have_lost_its_message(job, now):
                continue
            with _passing_over(f"the queue of room {job.room_id}"):
                waited = now - job.since()
                short = await self._queues.depth(job.room_id) < wanted[job.room_id]
                if short or waited >= _SEND_ANYWAY_AFTER:
                    self._resent[job.job_id] = now
                    await self._queues.wake(JobMessage.of(job))
                    tell(Mended("queued"))
                    log_event(log, SWEEP_MENDED, what="message", subject=job.job_id, room_id=job.room_id)

    def _may_have_lost_its_message(self, job: Job, now: datetime) -> bool:
        """Tell whether it is late, and whether the wait has doubled since it was last sent again."""
        since = max(job.since(), job.not_before or job.since())
        last = self._resent.get(job.job_id)
        return self._is_late(since, now) and (
            last is None or last < since or now - since >= 2 * (last - since)
        )

    def _is_lost(self, job: Job, now: datetime) -> bool:
        return job.state in HELD and job_steps.lease_remaining_s(job, now - self._patience) == 0

    def _had_finished(self, job: Job) -> bool:
        """Tell whether the lost worker had sent its model, which is published then."""
        if job.model_id is None or job.model_type is None:
            return False
        folder = keys.ModelFolder(job.room_id, job.model_type, job.model_id)
        refusal = self._publish.publish(folder, SWEEP)
        if refusal and job.accepted:
            self._fail(job, refusal)
        ended = self._jobs.get(job.room_id, job.job_id).ended
        if ended and not refusal:
            tell(Mended("published"))
        return ended

    def _fail(self, job: Job, refusal: str) -> None:
        """The model that was to count cannot be published any more: somebody removed what belongs to it."""
        failed = self._jobs.change(
            job.room_id,
            job.job_id,
            lambda present: job_steps.failed(
                present, datetime.now(UTC), "reconcile", "model_refused", f"Its model was refused: {refusal}."
            ),
        )
        self._feed.tell_job(failed)

    async def _requeue(self, job: Job, now: datetime) -> None:
        def to_requeued(present: Job) -> Job:
            if present.fencing != job.fencing or not self._is_lost(present, now):
                return present
            return job_steps.lost(present, now, "the lease ran out", self._most_attempts)

        holder = job.lease.worker_id if job.lease else "?"
        log_event(
            log, JOB_LOST, job_id=job.job_id, worker_id=holder, room_id=job.room_id, attempt=job.attempt
        )
        changed = await asyncio.to_thread(self._jobs.change, job.room_id, job.job_id, to_requeued)
        if len(changed.history) > len(job.history):
            tell(Mended("lost_worker"))
        await asyncio.to_thread(self._feed.tell_job, changed, len(changed.history) - len(job.history))
        if changed.state is JobState.REQUEUED:
            await self._queues.wake(JobMessage.of(changed))

    async def sweep_deep(self) -> None:
        """Look for models that no manifest names, in every room."""
        for room_id in await asyncio.to_thread(lambda: list(self._rooms.folders())):
            if not keys.is_room_id(room_id):
                continue
            with _passing_over(f"the models of room {room_id}"):
                await self._sweep_models(room_id)

    async def _sweep_models(self, room_id: str) -> None:
        def unpublished() -> list[keys.ModelFolder]:
            known = self._models.of(room_id).show().models
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
        if version in self._refused:
            return
        refusal = self._publish.publish(folder, SWEEP)
        if refusal:
            log_event(
                log,
                MODEL_REFUSED,
                model_id=folder.model_id,
                reason=refusal,
                room_id=folder.room_id,
                cause=SWEEP,
            )
            self._refused.add(version)  # until another worker writes it
        else:
            tell(Mended("published"))

    def _is_late(self, since: datetime, now: datetime) -> bool:
        return now - since > self._patience


def _census(jobs: list[Job], now: datetime) -> JobsFound:
    waits = [(now - job.since()).total_seconds() for job in jobs if job.state in WAITING]
    return JobsFound(Counter(job.state for job in jobs), max(waits, default=0.0))
