"""Orchestration: what one instance of the service is made of, and the one act that needs several of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from sleap_rtc.events.api import SubmitJob
    from sleap_rtc.events.dispatch import Dispatch
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job, JobRequest
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
    jobs: JobStore
    dispatch: Dispatch
    streams: Streams
    room_objects: S3ObjectStore
    room_transfers: S3Transfers

    def room_storage(self, room_id: str) -> RoomStorage:
        """Return the models of a room."""
        return RoomStorage(room_id, self.room_objects, self.room_objects.bucket)

    async def submit(self, room_id: str, request: SubmitJob, caller: Caller) -> Job:
        """Add a job to an upload that came without one.

        Raises:
            NotFound: there is no such upload in this room.
            InputError: the upload is not complete, or has its job already.
        """
        await asyncio.to_thread(self.rooms.enter, room_id, caller, to_write=True)
        record = await asyncio.to_thread(self.uploads.record, request.upload_id)
        if record.room_id != room_id:
            raise NotFound(what=f"upload {request.upload_id}")
        if record.state != "completed":
            raise InputError(message=f"Upload {record.upload_id} is {record.state}, not complete.")
        upload = keys.UploadKey(room_id, record.upload_id)
        await asyncio.to_thread(
            Documents(self.room_objects, UploadRecord).change,
            keys.upload_record_key(upload),
            lambda present: _with_job(present, request.job, str(ULID())),
        )
        job = await self.dispatch.dispatch(upload, "submitted")
        if job is None:
            raise InputError(message=f"The dataset of upload {record.upload_id} is gone. Upload it again.")
        return job


def _with_job(record: UploadRecord, job: JobRequest, job_id: str) -> UploadRecord:
    if record.job is not None:
        raise InputError(message=f"Upload {record.upload_id} has a job already: {record.job_id}.")
    return record.model_copy(update={"job": job, "job_id": job_id})
