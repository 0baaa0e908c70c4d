"""Pure: the service's record of one upload, from the first URL to the jobs that its dataset is for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sleap_rtc.events.jobs import AnyRequest
from sleap_rtc.storage.document import Document
from sleap_rtc.storage.part_plan import PartPlan

TAKES_JOBS_FOR = timedelta(days=12)
"""A dataset goes 30 days after the begin of its upload, and a job may need it for 18: 4 in the queue, 14 of
training. What is older than the rest is sent again rather than lost while its job waits."""


class AskedJob(BaseModel):
    """A job that somebody asked for, before it is made.

    `submission_id` is the same in every repetition of one request, so that a lost reply makes no second job.
    `traceparent` is that of the request; "" leaves the job in the trace of the upload.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    request: AnyRequest
    created_by: str
    created_at: datetime
    submission_id: str = ""
    retry_of: str | None = None
    traceparent: str = ""


class UploadRecord(Document):
    """`{room_id}/uploads/{upload_id}.json`.

    `completing` is written, with the checksum, before S3 is asked to complete: whoever sees the object
    afterwards knows what it has to be, even if the service died in between. `job` is what the upload was
    opened for; `submitted` are the jobs that were asked for once its dataset was in the room.
    """

    upload_id: str
    room_id: str
    file_name: str
    size_bytes: int
    part_size_bytes: int
    content_type: str = ""
    s3_upload_id: str
    whole_checksum: bool
    created_by: str
    created_at: datetime
    traceparent: str
    job: AnyRequest | None = None
    job_id: str | None = None
    submitted: tuple[AskedJob, ...] = ()
    state: Literal["open", "completing", "completed", "aborted"] = "open"
    checksum: str = ""
    etag: str = ""
    noticed_at: datetime | None = None

    @property
    def plan(self) -> PartPlan:
        """The part plan, fixed when the upload was opened."""
        return PartPlan(self.size_bytes, self.part_size_bytes)

    @property
    def jobs(self) -> tuple[AskedJob, ...]:
        """Every job that the dataset is for, the one that it was uploaded for first."""
        if self.job is None or self.job_id is None:
            return self.submitted
        own = AskedJob(
            job_id=self.job_id, request=self.job, created_by=self.created_by, created_at=self.created_at
        )
        return (own, *self.submitted)

    def takes_jobs(self, now: datetime) -> bool:
        """Tell whether the dataset stays for long enough for a job that is made now."""
        return now < self.created_at + TAKES_JOBS_FOR


def noticed(record: UploadRecord, now: datetime) -> UploadRecord:
    """Return the record of an upload of which S3 sent a notice; the first one is what is remembered."""
    return record if record.noticed_at else record.model_copy(update={"noticed_at": now})


def completed(record: UploadRecord, etag: str) -> UploadRecord:
    """Return the record of an upload whose object exists; the first ETag seen is the one that counts."""
    if record.state == "completed":
        return record
    return record.model_copy(update={"state": "completed", "etag": etag})
