"""Pure: what client and service say to each other over HTTP.

Everything that comes from outside is bounded here: a value that does not fit never reaches the code behind.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sleap_rtc.events.jobs import AskedRequest, Job
from sleap_rtc.events.problem_fields import ProblemFields
from sleap_rtc.events.waiting import Waiting
from sleap_rtc.storage.checksum import to_header
from sleap_rtc.storage.manifest import ManifestModel
from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES, LARGEST_PART_BYTES, MOST_PARTS

if TYPE_CHECKING:
    from sleap_rtc.storage.upload_session import PartToSign, SentPart

RoomId = Annotated[str, Field(min_length=1, max_length=32)]
Checksum = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{11}=$")]
"""CRC64NVME as S3 writes it: base64 of eight bytes."""
PartNumber = Annotated[int, Field(ge=1, le=MOST_PARTS)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class RequestUpload(_Request):
    """`POST /api/request-upload`: the file, the room, and the job that it is for (if any)."""

    room_id: RoomId
    file_name: str = Field(min_length=1, max_length=255)
    size_bytes: int = Field(ge=0, le=LARGEST_OBJECT_BYTES)
    part_size_bytes: int = Field(ge=1, le=LARGEST_PART_BYTES)
    content_type: str = Field("application/zip", pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=100)
    job: AskedRequest | None = None
    traceparent: str = Field("", max_length=55)


class UploadOpened(_Reply):
    """The upload is open; parts may be signed."""

    upload_id: str
    job_id: str | None


class PartToSignView(_Request):
    """A part about to be sent."""

    number: PartNumber
    length: int = Field(ge=0, le=LARGEST_PART_BYTES)
    checksum: Checksum

    @classmethod
    def of_part(cls, part: PartToSign) -> PartToSignView:
        """Return what is said of a part."""
        return cls(number=part.number, length=part.length, checksum=to_header(part.crc))


class SignParts(_Request):
    """`POST /api/uploads/{upload_id}/sign-parts`."""

    parts: list[PartToSignView] = Field(min_length=1, max_length=32)


class SignedParts(_Reply):
    """A URL for each part number. URLs are secrets."""

    urls: dict[int, str]


class SentPartView(PartToSignView):
    """A part that S3 acknowledged."""

    etag: str = Field(min_length=1, max_length=128)

    @classmethod
    def of_sent(cls, part: SentPart) -> SentPartView:
        """Return what is said of a part that was sent."""
        checksum = to_header(part.crc)
        return cls(number=part.number, length=part.length, checksum=checksum, etag=part.etag)


class CompleteUpload(_Request):
    """`POST /api/complete-upload`."""

    upload_id: str = Field(max_length=80)
    checksum: Checksum
    parts: list[SentPartView] = Field(min_length=1, max_length=MOST_PARTS)


class HeldPart(_Reply):
    """A part that S3 holds."""

    etag: str
    size_bytes: int


class UploadStatus(_Reply):
    """`GET /api/upload-status/{upload_id}`."""

    upload_id: str
    room_id: str
    file_name: str
    size_bytes: int
    part_size_bytes: int
    state: Literal["open", "completing", "completed", "aborted", "expired"]
    created_at: datetime
    checksum: str = ""
    job_id: str | None = None
    path: str = ""
    traceparent: str = ""
    parts: dict[int, HeldPart] = Field(default_factory=dict)
    noticed_at: datetime | None = None
    """When S3's own notice of the object was read: shows that the way from the bucket to the queue works."""


class DatasetView(_Reply):
    """`GET /api/rooms/{room_id}/datasets`: a dataset that is in the store, and the upload that brought it."""

    upload_id: str
    file_name: str
    size_bytes: int
    checksum: str
    path: str


class SubmitJob(_Request):
    """`POST /api/rooms/{room_id}/jobs`: a job for a dataset that is in the room.

    The same `submission_id` makes one job however often it is sent. Without one, a repetition cannot be told
    from a second job, so only an upload that has no job yet gets one.
    """

    upload_id: str = Field(max_length=80)
    job: AskedRequest
    submission_id: str = Field("", max_length=64)


class RetryJob(_Request):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/retry`. The same `submission_id` makes one job."""

    submission_id: str = Field(min_length=1, max_length=64)


class JobView(Job):
    """A job, what it waits for if it waits, and under which name live peers find the worker that holds it."""

    waiting: Waiting | None = None
    worker_peer_id: str = ""


class LogSegment(_Reply):
    """A piece of a job's log."""

    number: int
    text: str


class JobLog(_Reply):
    """`GET /api/rooms/{room_id}/jobs/{job_id}/log`: segments after the one asked for."""

    segments: list[LogSegment]
    ended: bool


class RequestDownload(_Request):
    """`POST /api/request-download`: a model of a room, by id or alias, or the dataset of an upload."""

    room_id: RoomId
    model: str | None = Field(None, min_length=1, max_length=64)
    upload_id: str | None = Field(None, min_length=1, max_length=80)

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.model is None) == (self.upload_id is None):
            raise ValueError("name either a model or an upload_id")
        return self


class FileDownload(_Reply):
    """One file to download; the URL is a secret."""

    name: str
    size_bytes: int
    checksum: str
    etag: str
    url: str


class JobResults(_Reply):
    """`GET /api/rooms/{room_id}/jobs/{job_id}/results`: the predictions of an inference, to download."""

    files: list[FileDownload]


class ModelDownload(_Reply):
    """A model and where to get its files."""

    model: ManifestModel
    files: list[FileDownload]
    peers: list[str] = Field(default_factory=list)
    """Live peers that say they read it out, the best one to ask first."""


class Problem(_Reply):
    """RFC 9457 problem details. `code` is stable; `detail` is for people, `fields` for a worker."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    fields: ProblemFields | None = None
