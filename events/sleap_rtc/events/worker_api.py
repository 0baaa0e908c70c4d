"""Pure: what a worker without credentials and the service say to each other over HTTP.

Everything that comes from outside is bounded here. A receipt handle and an S3 upload id are opaque: they are
handed back as they came, and are worth nothing without the right to write in the room.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field

from sleap_rtc.events.job_reports import Report
from sleap_rtc.events.job_samples import LARGEST_SAMPLE_BYTES, SampleName
from sleap_rtc.events.model_files_api import (
    AbortFile,
    CompleteFile,
    FileChecksum,
    FileName,
    FileSize,
    SignFileParts,
)
from sleap_rtc.events.workers import MOST_GPU_CHARACTERS, MOST_MODELS, ModelId
from sleap_rtc.storage.manifest import ModelRecord

LONGEST_POLL_S = 20
"""The longest wait of SQS's ReceiveMessage."""
LONGEST_VISIBILITY_S = 43_200
"""SQS hides a message for 12 hours at most."""
LONGEST_DELAY_S = 900
"""SQS delays a message by 15 minutes at most."""
LARGEST_WAKE_UP_BYTES = 16 * 1024
LARGEST_LETTER_BYTES = 1024 * 1024
LARGEST_LOG_CHARACTERS = 1024 * 1024
LARGEST_PROGRESS_CHARACTERS = 1024 * 1024

ReceiptHandle = Annotated[str, Field(min_length=1, max_length=4096)]
Attributes = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,256}$")],
        Annotated[str, Field(min_length=1, max_length=4096)],
    ],
    Field(max_length=10),
]
WorkerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]
Fencing = Annotated[int, Field(ge=1, le=2**53)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class Acknowledged(_Reply):
    """It is done; there is nothing to tell."""


class WorkerTerms(_Reply):
    """`GET /api/rooms/{room_id}/worker-terms`: what a worker has to keep to, if it may work at all.

    `lease_s` is for how long a claim holds without renewal, in seconds.
    """

    lease_s: int


class ReceiveWakeUps(_Request):
    """`POST /api/rooms/{room_id}/wakeups/receive`. Not to be repeated: it hides messages."""

    most: int = Field(1, ge=1, le=10)
    wait_s: int = Field(ge=0, le=LONGEST_POLL_S)
    visibility_s: int = Field(ge=1, le=LONGEST_VISIBILITY_S)


class WakeUp(_Reply):
    """One delivery of a message of the room's job queue."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    attributes: dict[str, str] = Field(default_factory=dict)
    sent_at: datetime | None = None


class WakeUps(_Reply):
    """What came while the service waited."""

    wakeups: list[WakeUp]


class ExtendWakeUp(_Request):
    """`POST .../wakeups/extend`; 0 gives the message back at once."""

    receipt_handle: ReceiptHandle
    visibility_s: int = Field(ge=0, le=LONGEST_VISIBILITY_S)


class DeleteWakeUp(_Request):
    """`POST .../wakeups/delete`."""

    receipt_handle: ReceiptHandle


class SendWakeUp(_Request):
    """`POST .../wakeups/send`: the wake-up of a job of this room, and of no other."""

    body: str = Field(max_length=LARGEST_WAKE_UP_BYTES)
    delay_s: int = Field(0, ge=0, le=LONGEST_DELAY_S)
    attributes: Attributes = Field(default_factory=dict)


class BuryWakeUp(_Request):
    """`POST .../wakeups/bury`: a letter for the room's dead-letter queue."""

    body: str = Field(max_length=LARGEST_LETTER_BYTES)
    attributes: Attributes = Field(default_factory=dict)


class ClaimJob(_Request):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/claim`. `event`: the message that woke the worker."""

    worker_id: WorkerId
    event: str = Field(max_length=128)


class ReportJob(_Request):
    """`POST .../report`."""

    fencing: Fencing
    report: Report


class WriteLog(_Request):
    """`POST .../log`: a numbered piece of the job's log."""

    fencing: Fencing
    segment: int = Field(ge=0, le=99_999_999)
    text: str = Field(max_length=LARGEST_LOG_CHARACTERS)


class WriteProgress(_Request):
    """`POST .../live`: events of the holder's run, a line of JSON each; `seq` is the number of the last."""

    fencing: Fencing
    seq: int = Field(ge=1, le=2**53)
    text: str = Field(max_length=LARGEST_PROGRESS_CHARACTERS)


class WriteSample(_Request):
    """`POST .../samples`: a picture that the trainer drew, a PNG in base64."""

    fencing: Fencing
    name: SampleName
    content: Annotated[Base64Bytes, Field(max_length=LARGEST_SAMPLE_BYTES)]


class CheckIn(_Request):
    """`PUT /api/rooms/{room_id}/workers/{worker_id}`: a worker says that it is there."""

    kind: str = Field(max_length=32)
    trainer: str = Field(max_length=32)
    started_at: AwareDatetime
    until: AwareDatetime
    job_id: str | None = Field(None, max_length=26)
    peer_id: str = Field("", max_length=256)
    models: tuple[ModelId, ...] = Field((), max_length=MOST_MODELS)
    gpu: str = Field("", max_length=MOST_GPU_CHARACTERS)


class _OfHeldModel(_Request):
    """What belongs to the model that the holder of a job has said to be uploading."""

    fencing: Fencing


class OpenModelFile(_OfHeldModel):
    """`POST .../model-files/open`: a multipart upload of one file; an empty file is written at once."""

    name: FileName
    size_bytes: FileSize
    checksum: FileChecksum


class SignModelParts(SignFileParts, _OfHeldModel):
    """`POST .../model-files/sign-parts`."""


class CompleteModelFile(CompleteFile, _OfHeldModel):
    """`POST .../model-files/complete`; safe to repeat."""


class AbortModelFile(AbortFile, _OfHeldModel):
    """`POST .../model-files/abort`."""


class PublishModel(_OfHeldModel):
    """`POST .../model`: the record, whose creation publishes the model; safe to repeat."""

    record: ModelRecord
