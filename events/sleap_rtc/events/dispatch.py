"""Orchestration: a completed upload becomes the jobs that it is for, which workers can claim.

The notice is a hint. What counts is the object in the uploads bucket and the record that the service wrote
before it asked S3 to complete it; the same notice twice, late or out of order ends in the same state.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events import jobs
from sleap_rtc.events.consumer import Done, Outcome, Poison
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.jobs import DatasetRef, Job, JobState
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.notices import NoticeUnreadable, ObjectCreated, parse_notices
from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.queue import Message
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
        send: puts a message on a room's job queue.
        feed: tells the room.
    """

    def __init__(
        self,
        uploads: ObjectStore,
        uploads_bucket: str,
        rooms: ObjectStore,
        job_store: JobStore,
        send: Callable[[JobMessage], Awaitable[None]],
        feed: RoomFeed,
    ) -> None:
        self._uploads = uploads
        self._bucket = uploads_bucket
        self._records = Documents(rooms, UploadRecord)
        self._datasets = DatasetIndex(uploads, rooms)
        self._jobs = job_store
        self._send = send
        self._feed = feed

    async def handle(self, message: Message) -> Outcome:
        """Act on one message of the upload-events queue."""
        try:
            notices = parse_notices(message.body)
        except NoticeUnreadable as error:
            return Poison(str(error))
        refusals = [await self._act_on(notice) for notice in notices]
        refused = "; ".join(filter(None, refusals))
        return Poison(refused) if refused else Done()

    async def _act_on(self, notice: ObjectCreated) -> str | None:
        upload = keys.parse_upload_key(notice.key)
        if notice.bucket != self._bucket or upload is None:
            return f"{notice.bucket}/{notice.key} is not a dataset of ours"
        await self.dispatch(upload, notice.identity)
        return None

    async def dispatch(self, upload: keys.UploadKey, event: str) -> list[Job]:
        """Make and queue every job of a completed upload that is not made yet; return them all."""
        record = await asyncio.to_thread(self._settled_record, upload)
        if record is None:
            return []
        return [await self._made(record, asked, event) for asked in record.jobs]

    async def dispatch_one(self, upload: keys.UploadKey, job_id: str, event: str) -> Job | None:
        """Make and queue one job of a completed upload; None if its dataset is gone."""
        record = await asyncio.to_thread(self._settled_record, upload)
        asked = next((job for job in record.jobs if job.job_id == job_id), None) if record else None
        return await self._made(record, asked, event) if record and asked else None

    async def _made(self, record: UploadRecord, asked: AskedJob, event: str) -> Job:
        upload = keys.UploadKey(record.room_id, record.upload_id)
        now = datetime.now(UTC)
        fresh = Job(
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
            traceparent=record.traceparent,
        )
        job = await asyncio.to_thread(self._jobs.create, jobs.uploaded(fresh, now, event))
        if job.state is not JobState.UPLOADED:
            return job
        await self._send(JobMessage.of(job))
        return await asyncio.to_thread(self._queued, job, event)

    def _queued(self, job: Job, event: str) -> Job:
        def to_queued(present: Job) -> Job:
            return jobs.enqueued(present, datetime.now(UTC), event)

        changed = self._jobs.change(job.room_id, job.job_id, to_queued)
        if changed.state is JobState.QUEUED:
            self._feed.tell_job(changed)
        return changed

    def _settled_record(self, upload: keys.UploadKey) -> UploadRecord | None:
        """Return the record with the object's ETag in it, None if the object is not what was completed."""
        key = keys.upload_record_key(upload)
        try:
            record = self._records.read(key).value
            found = self._uploads.head(str(upload))
        except NotFound as missing:
            log.warning("upload %s: %s", upload.upload_id, missing)
            return None
        if record.state == "completed":
            if record.etag != found.etag:
                log.error("upload %s: the object was replaced after completion", upload.upload_id)
            return record
        if record.state != "completing" or found.size_bytes != record.size_bytes:
            log.error("upload %s: the object is not what was uploaded", upload.upload_id)
            return None
        return self._datasets.settle(record, found.etag)
