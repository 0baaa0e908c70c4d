"""Orchestration: a completed upload becomes the jobs that it is for, which workers can claim.

The notice is a hint. What counts is the object in the uploads bucket and the record that the service wrote
before it asked S3 to complete it; the same notice twice, late or out of order ends in the same state.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events import job_steps, tracing
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.jobs import DatasetRef, Job
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import JOB_QUEUED, SWEEP, SWEEP_MENDED
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.notice_handler import NoticeRefused, handle_notices
from sleap_rtc.events.span_table import DISPATCH, PROCESS_UPLOAD, SEND_JOB, messaging, of_job
from sleap_rtc.events.spans import unheard
from sleap_rtc.events.trace import trace_id
from sleap_rtc.events.uploads import UploadRecord, noticed
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_queues import JobQueues
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.notices import ObjectCreated
    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message
    from sleap_rtc.events.spans import SpanHook
    from sleap_rtc.events.tracing import OpenSpan
    from sleap_rtc.events.uploads import AskedJob
    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)


class Dispatch:
    """Turns completed uploads into queued jobs.

    Args:
        uploads: the uploads bucket.
        uploads_bucket: its name; notices about other buckets are refused.
        rooms: the rooms bucket.
        job_store: the jobs.
        queues: the rooms' job queues.
        feed: tells the room.
        on_span: hears of each job that is made.
    """

    def __init__(
        self,
        uploads: ObjectStore,
        uploads_bucket: str,
        rooms: ObjectStore,
        job_store: JobStore,
        queues: JobQueues,
        feed: RoomFeed,
        on_span: SpanHook = unheard,
    ) -> None:
        self._uploads = uploads
        self._bucket = uploads_bucket
        self._records = Documents(rooms, UploadRecord)
        self._datasets = DatasetIndex(uploads, rooms)
        self._rooms = rooms
        self._jobs = job_store
        self._queues = queues
        self._feed = feed
        self._on_span = on_span
        self._unsent: set[str] = set()

    async def handle(self, message: Message) -> Outcome:
        """Act on one message of the upload-events queue."""
        return await handle_notices(message, self._act_on)

    async def _act_on(self, notice: ObjectCreated) -> None:
        if notice.bucket != self._bucket:
            reason = f"{notice.bucket} is not the uploads bucket"
            raise NoticeRefused(code="foreign_bucket", reason=reason)
        upload = keys.parse_upload_key(notice.key)
        if upload is None:
            raise NoticeRefused(code="foreign_key", reason=f"{notice.key} is not a dataset of ours")
        if keys.is_check_room(upload.room_id) and not await asyncio.to_thread(self._has_record, upload):
            return  # late, or said twice: what was checked with it is removed
        if await self.dispatch(upload, notice.identity) is not None:
            await asyncio.to_thread(self._note, upload, datetime.now(UTC))

    def _has_record(self, upload: keys.UploadKey) -> bool:
        try:
            self._records.read(keys.upload_record_key(upload))
        except NotFound:
            return False
        return True

    def _note(self, upload: keys.UploadKey, now: datetime) -> None:
        self._records.change(keys.upload_record_key(upload), lambda record: noticed(record, now))

    async def dispatch(self, upload: keys.UploadKey, event: str) -> list[Job] | None:
        """Make and queue every job of a completed upload that is not made yet; return them all.

        None says that the upload is not complete.

        Raises:
            NoticeRefused: nobody opened this upload, or its object is not what was uploaded.
        """
        record = await asyncio.to_thread(self._settled_record, upload)
        if record is None:
            return None
        made = [await self._made(record, asked, event) for asked in record.jobs]
        await asyncio.to_thread(self._rooms.delete, keys.open_upload_key(upload))
        return made

    async def dispatch_one(self, upload: keys.UploadKey, job_id: str, event: str) -> Job | None:
        """Make and queue one job of an upload; None if that is not complete, or has no such job."""
        record = await asyncio.to_thread(self._settled_record, upload)
        asked = next((job for job in record.jobs if job.job_id == job_id), None) if record else None
        return await self._made(record, asked, event) if record and asked else None

    async def queue(self, fresh: Job, event: str) -> Job:
        """Make and queue a job whose dataset came by no upload; return the job of its id that is there."""
        return await self._queued(fresh, keys.UploadKey(fresh.room_id, ""), event, fresh.traceparent)

    async def _made(self, record: UploadRecord, asked: AskedJob, event: str) -> Job:
        upload = keys.UploadKey(record.room_id, record.upload_id)
        return await self._queued(self._fresh(record, asked, upload), upload, event, record.traceparent)

    async def _queued(self, fresh: Job, upload: keys.UploadKey, event: str, sent: str) -> Job:
        """A job says that it is queued before its message is sent: no worker can be too early for it, and the
        sweep sends a message that was never sent."""
        with self._step(fresh, upload, event, sent) as step:
            job, ours = await asyncio.to_thread(self._created, fresh, upload, event)
            if ours or job.job_id in self._unsent:
                self._unsent.add(job.job_id)
                await self._send(job)
                self._unsent.discard(job.job_id)
                await asyncio.to_thread(self._feed.tell_job, job)
                _log(job, event)
            else:
                step.forget()
            return job

    async def _send(self, job: Job) -> None:
        sending = {**messaging("aws_sqs", "send", "jobs"), **of_job(job.room_id, job.job_id)}
        with tracing.child(SEND_JOB, sending) as span:
            await self._queues.wake(JobMessage.of(job, span.traceparent if span else ""))

    def _step(
        self, fresh: Job, upload: keys.UploadKey, event: str, sent: str
    ) -> AbstractContextManager[OpenSpan]:
        """Begin the making of a job, as a part of the request that asks for it if there is one.

        `sent` is the trace context of the sending of its dataset, which may belong to another trace.
        """
        attributes = {
            **of_job(fresh.room_id, fresh.job_id),
            "sleap_rtc.cause": event.rpartition("/")[2],
            "sleap_rtc.upload.id": upload.upload_id,
        }
        if fresh.dataset.type == "s3":
            attributes |= {"aws.s3.bucket": self._bucket, "aws.s3.key": str(upload)}
        asked, led = tracing.current(), (fresh.traceparent, sent)
        if asked is None:
            attributes |= messaging("aws_sqs", "process", "upload-events")
            return tracing.begun(PROCESS_UPLOAD, "service", self._on_span, attributes, links=led)
        if asked.context.trace_id != trace_id(fresh.traceparent):
            return tracing.begun(DISPATCH, "service", self._on_span, attributes, links=led)
        within = asked.traceparent
        return tracing.begun(DISPATCH, "service", self._on_span, attributes, within=within, links=(sent,))

    def _fresh(self, record: UploadRecord, asked: AskedJob, upload: keys.UploadKey) -> Job:
        return Job(
            job_id=asked.job_id,
            room_id=record.room_id,
            request=asked.request,
            dataset=DatasetRef(
                path=f"s3://{self._bucket}/{upload}",
                size_bytes=record.size_bytes,
                checksum=record.checksum,
                etag=record.etag,
                file_name=record.file_name,
            ),
            created_by=asked.created_by,
            created_at=asked.created_at,
            traceparent=asked.traceparent or record.traceparent,
            retry_of=asked.retry_of,
        )

    def _created(self, fresh: Job, upload: keys.UploadKey, event: str) -> tuple[Job, bool]:
        now = datetime.now(UTC)
        self._jobs.announce(upload, fresh.job_id, now)
        job, ours = self._jobs.create(job_steps.queued(fresh, now, event))
        if job.ended:
            self._jobs.forget(job.room_id, job.job_id)
        return job, ours

    def _settled_record(self, upload: keys.UploadKey) -> UploadRecord | None:
        """Return the record with the object's ETag in it, None if the upload is not complete.

        A dataset that is gone, or was replaced, after its upload was completed keeps its jobs: the worker
        that finds out fails them with the reason.
        """
        try:
            record = self._records.read(keys.upload_record_key(upload)).value
        except NotFound:
            raise NoticeRefused(
                code="unknown_upload", reason=f"nobody opened upload {upload.upload_id}"
            ) from None
        if record.state == "completed":
            return record
        try:
            found = self._uploads.head(str(upload))
        except NotFound as missing:
            log.warning("upload %s: %s", upload.upload_id, missing)
            return None
        if record.state != "completing" or found.size_bytes != record.size_bytes:
            reason = f"the object of upload {upload.upload_id} ({record.state}) is not what was uploaded"
            raise NoticeRefused(code="refused", reason=reason)
        return self._datasets.settle(record, found.etag)


def _log(job: Job, event: str) -> None:
    log_event(log, JOB_QUEUED, job_id=job.job_id, cause=event.rpartition("/")[2], room_id=job.room_id)
    if event == SWEEP:
        log_event(log, SWEEP_MENDED, what="job", subject=job.job_id, room_id=job.room_id)
