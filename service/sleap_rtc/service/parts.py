"""Orchestration: what one instance of the service is made of, and the one act that needs several of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events.uploads import AskedJob, UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from sleap_rtc.events.api import SubmitJob
    from sleap_rtc.events.dispatch import Dispatch
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.service.datasets import Datasets
    from sleap_rtc.service.identity import Caller, TokenVerifier
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.service.streams import Streams
    from sleap_rtc.service.uploads import Uploads
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


@dataclass(frozen=True)
class Parts:
    """Made by `wiring`, used by the handlers."""

    tokens: TokenVerifier
    rooms: Rooms
    uploads: Uploads
    datasets: Datasets
    jobs: JobStore
    dispatch: Dispatch
    streams: Streams
    room_objects: S3ObjectStore
    room_transfers: S3Transfers

    def room_storage(self, room_id: str) -> RoomStorage:
        """Return the models of a room."""
        return RoomStorage(room_id, self.room_objects, self.room_objects.bucket)

    async def submit(self, room_id: str, request: SubmitJob, caller: Caller) -> Job:
        """Make a job for a dataset that is in the room; the same submission again gives the same job.

        Raises:
            NotFound: there is no such upload in this room.
            InputError: the upload is not complete, its dataset is gone, or it has a job already and the
                request has no submission id.
        """
        await asyncio.to_thread(self.rooms.enter, room_id, caller, to_write=True)
        record = await asyncio.to_thread(self.uploads.record, request.upload_id)
        if record.room_id != room_id:
            raise NotFound(what=f"upload {request.upload_id}")
        if record.state != "completed":
            raise InputError(message=f"Upload {record.upload_id} is {record.state}, not complete.")
        upload = keys.UploadKey(room_id, record.upload_id)
        asked = AskedJob(
            job_id=str(ULID()),
            request=request.job,
            created_by=caller.subject,
            created_at=datetime.now(UTC),
            submission_id=request.submission_id,
        )
        changed = await asyncio.to_thread(
            Documents(self.room_objects, UploadRecord).change,
            keys.upload_record_key(upload),
            lambda present: _with_job(present, asked),
        )
        job_id = _submitted(changed.value, asked).job_id
        job = await self.dispatch.dispatch_one(upload, job_id, "submitted")
        if job is None:
            raise InputError(message=f"The dataset of upload {record.upload_id} is gone. Upload it again.")
        return job


def _with_job(record: UploadRecord, asked: AskedJob) -> UploadRecord:
    if not asked.submission_id and record.jobs:
        raise InputError(message=f"Upload {record.upload_id} has a job already: {record.jobs[0].job_id}.")
    if _submitted(record, asked) is not asked:
        return record
    return record.model_copy(update={"submitted": (*record.submitted, asked)})


def _submitted(record: UploadRecord, asked: AskedJob) -> AskedJob:
    """Return the job that stands for this submission: an earlier one if it was sent before."""
    if not asked.submission_id:
        return asked
    return next((job for job in record.submitted if job.submission_id == asked.submission_id), asked)
