"""Orchestration: what people may do with the jobs of a room: submit, look at, cancel, try again."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events import job_steps
from sleap_rtc.events.api import JobView
from sleap_rtc.events.jobs import Job, JobState, RetryRefused
from sleap_rtc.events.trace import new_traceparent
from sleap_rtc.events.uploads import TAKES_JOBS_FOR, AskedJob, UploadRecord
from sleap_rtc.events.waiting import waiting
from sleap_rtc.events.workers import peer_of
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.worker_presences import worker_presences
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound, SleapRtcError

if TYPE_CHECKING:
    from sleap_rtc.events.api import SubmitJob
    from sleap_rtc.events.dataset_index import DatasetIndex
    from sleap_rtc.events.dispatch import Dispatch
    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.shared_dataset import SubmitSharedJob
    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.job_requests import JobRequests
    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)


class Jobs:
    """The jobs of all rooms. Whoever calls has seen to it that the caller may do it.

    Args:
        rooms: the rooms bucket.
        store: the records in it.
        datasets: tells whether a dataset is still there.
        dispatch: makes jobs.
        feed: tells the room.
        requests: finds out which models are meant.
    """

    def __init__(
        self,
        rooms: ObjectStore,
        store: JobStore,
        datasets: DatasetIndex,
        dispatch: Dispatch,
        feed: RoomFeed,
        requests: JobRequests,
    ) -> None:
        self._rooms = rooms
        self._uploads = Documents(rooms, UploadRecord)
        self._store = store
        self._datasets = datasets
        self._dispatch = dispatch
        self._feed = feed
        self._requests = requests

    def get(self, room_id: str, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        if not keys.is_ulid(job_id):
            raise NotFound(what=f"job {job_id} in room {room_id}")
        return self._store.get(room_id, job_id)

    def view(self, room_id: str, job_id: str) -> JobView:
        """Return a job and what it waits for. Raises NotFound."""
        return self._views(room_id, [self.get(room_id, job_id)])[0]

    def view_all(self, room_id: str, most: int, *, only_open: bool) -> list[JobView]:
        """Return jobs, oldest first: those that have not ended, or the newest of all."""
        if only_open:
            found = list(self._store.open(room_id))
            return self._views(room_id, found, found)[-most:]
        return self._views(room_id, self._store.newest(room_id, most))

    def _views(self, room_id: str, wanted: list[Job], unended: list[Job] | None = None) -> list[JobView]:
        if all(job.ended for job in wanted):
            return [JobView(**dict(job)) for job in wanted]
        others = list(self._store.open(room_id)) if unended is None else unended
        workers = worker_presences(self._rooms, room_id)
        now = datetime.now(UTC)
        return [
            JobView(
                **dict(job),
                waiting=waiting(job, others, workers, now),
                worker_peer_id=peer_of(workers, job.lease.worker_id, now) if job.lease else "",
            )
            for job in wanted
        ]

    def workers(self, room_id: str) -> list[WorkerView]:
        """Return what the room's workers said of themselves last."""
        return worker_presences(self._rooms, room_id)

    async def submit(self, room_id: str, request: SubmitJob, caller: Caller) -> Job:
        """Make a job for a dataset that is in the room; the same submission again gives the same job.

        Raises:
            NotFound: there is no such upload in this room, or no such model.
            InputError: the upload is not complete, or it has a job already and the request has no
                submission id, or models and dataset do not go together.
            ObjectChanged: its dataset is gone, or was replaced.
        """
        upload, record = await asyncio.to_thread(self._completed, room_id, request.upload_id)
        job = await asyncio.to_thread(self._requests.fixed, room_id, request.job, record.file_name)
        asked = AskedJob(
            job_id=str(ULID()),
            request=job,
            created_by=caller.subject,
            created_at=datetime.now(UTC),
            submission_id=request.submission_id,
        )
        return await self._make(upload, asked)

    async def submit_shared(self, room_id: str, asked: SubmitSharedJob, caller: Caller) -> Job:
        """Make a job for a dataset that workers see where it lies; the same request again gives the same job.

        Raises:
            NotFound, ModelRemoved: the room has no such model.
            InputError: models and dataset do not go together.
            KeyReused: there is another job of this id.
        """
        request = await asyncio.to_thread(self._requests.fixed, room_id, asked.job, asked.dataset.file_name)
        fresh = Job(
            job_id=asked.job_id,
            room_id=room_id,
            request=request,
            dataset=asked.dataset.ref(),
            created_by=caller.subject,
            created_at=datetime.now(UTC),
            traceparent=new_traceparent(),
        )
        job = await self._dispatch.queue(fresh, "the job was submitted")
        if (job.created_by, job.dataset, job.request) != (caller.subject, fresh.dataset, request):
            raise KeyReused
        return job

    async def retry(self, room_id: str, job_id: str, submission_id: str, caller: Caller) -> Job:
        """Make a new job that does once more what one that failed or was cancelled was to do.

        Raises:
            NotFound: there is no such job in this room.
            RetryRefused: it has not ended, or it ended well.
            InputError: its dataset did not come by an upload.
            ObjectChanged: its dataset is gone, or was replaced.
        """
        job = await asyncio.to_thread(self.get, room_id, job_id)
        if job.state not in {JobState.FAILED, JobState.CANCELLED}:
            raise RetryRefused(job_id=job_id, state=job.state)
        upload = keys.parse_upload_key(job.dataset.path.removeprefix("s3://").partition("/")[2])
        if upload is None:
            message = (
                f"The dataset of job {job_id} did not come by an upload. Submit it with client-train again."
            )
            raise InputError(message=message)
        asked = AskedJob(
            job_id=str(ULID()),
            request=job.request,
            created_by=caller.subject,
            created_at=datetime.now(UTC),
            submission_id=submission_id,
            retry_of=job_id,
        )
        await asyncio.to_thread(self._completed, room_id, upload.upload_id)
        return await self._make(upload, asked)

    async def _make(self, upload: keys.UploadKey, asked: AskedJob) -> Job:
        room_id, record_key = upload.room_id, keys.upload_record_key(upload)
        await asyncio.to_thread(self._store.announce, upload, asked.job_id, asked.created_at)
        try:
            changed = await asyncio.to_thread(
                self._uploads.change, record_key, lambda present: _with_job(present, asked)
            )
        except InputError:
            await asyncio.to_thread(self._store.forget, room_id, asked.job_id)
            raise
        job_id = _submitted(changed.value, asked).job_id
        if job_id != asked.job_id:
            await asyncio.to_thread(self._store.forget, room_id, asked.job_id)
        job = await self._dispatch.dispatch_one(upload, job_id, "the job was submitted")
        if job is None:
            raise InputError(message=f"The dataset of upload {upload.upload_id} is gone. Upload it again.")
        return job

    def _completed(self, room_id: str, upload_id: str) -> tuple[keys.UploadKey, UploadRecord]:
        """Return a completed upload, whose dataset is there and stays for as long as a job may take."""
        try:
            upload = keys.parse_upload_id(upload_id)
            record = self._uploads.read(keys.upload_record_key(upload)).value
        except (NotFound, InputError):
            raise NotFound(what=f"upload {upload_id}") from None
        if record.room_id != room_id:
            raise NotFound(what=f"upload {upload_id}")
        if record.state != "completed":
            raise InputError(message=f"Upload {record.upload_id} is {record.state}, not complete.")
        self._datasets.get(upload)
        if not record.takes_jobs(datetime.now(UTC)):
            raise InputError(
                message=f"The dataset of upload {upload.upload_id} is over {TAKES_JOBS_FOR.days} days old "
                "and may expire before a job of it ends. Upload it again."
            )
        return upload, record

    def cancel(self, room_id: str, job_id: str, caller: Caller) -> Job:
        """End a job that has not ended; a worker that is at it stops within seconds.

        Raises:
            NotFound: there is no such job in this room.
            CancelRefused: it has ended otherwise, or its model is on its way.
        """
        before = self.get(room_id, job_id)
        job = self._store.change(
            room_id, job_id, lambda present: job_steps.cancelled(present, datetime.now(UTC), caller.name)
        )
        if job.state is not before.state:
            self._feed.tell_job(job)
        return job

    async def dispatch(self, upload: keys.UploadKey) -> None:
        """Make the jobs of an upload that this instance has just completed.

        S3's own notice says the same, seconds later; whoever comes second finds the jobs made.
        """
        try:
            await self._dispatch.dispatch(upload, "the upload was completed")
        except SleapRtcError as error:
            log.warning("upload %s: left to the notice of S3: %s", upload.upload_id, error)


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
