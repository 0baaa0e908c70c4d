"""Pure: the record of a job. How it changes stands in `job_steps`."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError

from sleap_rtc.events.inference import AskInference, InferenceRequest, ResultFile
from sleap_rtc.events.job_commands import AskedCommand
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Document
from sleap_rtc.storage.errors import ExitCode, InputError, SleapRtcError


class JobState(StrEnum):
    """Where a job stands."""

    UPLOADED = "uploaded"
    QUEUED = "queued"
    REQUEUED = "requeued"
    CLAIMED = "claimed"
    DOWNLOADING = "downloading"
    TRAINING = "training"
    UPLOADING = "uploading"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WAITING = frozenset({JobState.QUEUED, JobState.REQUEUED})
HELD = frozenset({JobState.CLAIMED, JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING})
ENDED = frozenset({JobState.PUBLISHED, JobState.FAILED, JobState.CANCELLED})


class JobClaimed(SleapRtcError):
    """The job is held by {worker_id} for another {remaining_s:.0f} s."""

    worker_id: str
    remaining_s: float


class JobEnded(SleapRtcError):
    """The job has ended already: {state}."""

    state: JobState


class JobNotReady(SleapRtcError):
    """The job cannot be taken yet: {why}."""

    why: str
    remaining_s: float


class LeaseLost(SleapRtcError):
    """The job was given to another worker meanwhile (fencing number {held}, now {current})."""

    held: int
    current: int


class JobCancelled(LeaseLost):
    """The job was cancelled by {by}."""

    by: str


class OutOfTurn(InputError):
    """It is model {number} of its job, and {there} of them are there."""

    number: int
    there: int


class CancelRefused(SleapRtcError):
    """Job {job_id} cannot be cancelled any more: {why}."""

    exit_code = ExitCode.BAD_INPUT
    job_id: str
    why: str


class RetryRefused(SleapRtcError):
    """Job {job_id} cannot be tried again: it is {state}. Only a job that failed or was cancelled can."""

    exit_code = ExitCode.BAD_INPUT
    job_id: str
    state: JobState


class DatasetRef(BaseModel):
    """The dataset of a job."""

    model_config = ConfigDict(frozen=True)

    type: Literal["s3", "webrtc", "local"] = "s3"
    path: str
    size_bytes: int = Field(ge=0)
    checksum: str
    etag: str = ""
    file_name: str = "dataset.zip"


class JobRequest(BaseModel):
    """What a client asks for who wants a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["training"] = "training"
    trainer: Literal["reference", "sleap-nn"] | None = None
    """None leaves the choice to the worker."""
    overrides: dict[str, str] = Field(default_factory=dict, max_length=64)
    """Trainer options such as `trainer_config.max_epochs`, in sleap-nn's spelling."""


def _type_of(request: object) -> str:
    """Return which kind of request it is; those that were written before there were kinds train."""
    told = request.get("type", "training") if isinstance(request, dict) else getattr(request, "type", "")
    return told if isinstance(told, str) else ""


AnyRequest = Annotated[
    Annotated[JobRequest, Tag("training")] | Annotated[InferenceRequest, Tag("inference")],
    Discriminator(_type_of),
]
"""What a job is to do."""
AskedRequest = Annotated[
    Annotated[JobRequest, Tag("training")] | Annotated[AskInference, Tag("inference")],
    Discriminator(_type_of),
]
"""What a client asks for."""


class Edge(BaseModel):
    """One step of a job's history."""

    model_config = ConfigDict(frozen=True)

    state: JobState
    at: datetime
    by: str
    attempt: int
    fencing: int
    event: str = ""
    """What caused it: the identity of an S3 notice, a message id, or a note."""

    @property
    def cause(self) -> str:
        """The event in a few words: a notice by its file and version, a message by the start of its id."""
        key, at, version = self.event.rpartition("@")
        if at:
            return f"S3 notice {key.rpartition('/')[2]}@{version[:8]}"
        return f"SQS message {self.event[:8]}" if _MESSAGE_ID.fullmatch(self.event) else self.event


class Lease(BaseModel):
    """Who holds the job, and until when. `subject` is the token of a worker that asked the service for it."""

    model_config = ConfigDict(frozen=True)

    worker_id: str
    until: datetime
    subject: str = ""


class JobFailure(BaseModel):
    """Why a job failed: a stable code, and a sentence for its owner."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class JobModel(BaseModel):
    """A model that a job made and that counts."""

    model_config = ConfigDict(frozen=True)

    model_id: str
    model_type: str


def _readable(asked: object) -> object:
    """Leave out commands that only a newer version knows: nobody here obeys them, and the job goes on."""
    return [each for each in asked if _is_command(each)] if isinstance(asked, list | tuple) else asked


def _is_command(asked: object) -> bool:
    try:
        AskedCommand.model_validate(asked)
    except ValidationError:
        return False
    return True


class Job(Document):
    """`{room_id}/jobs/{job_id}/job.json`.

    `attempt` counts the claims, `spent` those of them that speak against the job: its worker was lost, or its
    dataset did not come through. A worker that shut down costs nothing. `models` are those that count, in the
    order in which they are trained: the next holder goes on with the one after them. `accepted` is set once
    the last of them does: from then on the job is nobody's, whatever leases say. `model_id` is that of the
    model which was sent last. `results` are the files of an inference that was published, in the results
    folder of its last fencing number. `watched_until` and `asked` are what `job_asks` says of them.
    """

    job_id: str
    room_id: str
    request: AnyRequest
    dataset: DatasetRef
    created_by: str
    created_at: datetime
    traceparent: str
    state: JobState = JobState.UPLOADED
    attempt: int = 0
    spent: int = 0
    fencing: int = 0
    lease: Lease | None = None
    not_before: datetime | None = None
    retry_of: str | None = None
    models: tuple[JobModel, ...] = ()
    accepted: bool = False
    failure: JobFailure | None = None
    model_id: str | None = None
    model_type: str | None = None
    results: tuple[ResultFile, ...] = ()
    watched_until: datetime | None = None
    asked: Annotated[tuple[AskedCommand, ...], BeforeValidator(_readable)] = ()
    history: tuple[Edge, ...] = ()

    @property
    def made(self) -> tuple[JobModel, ...]:
        """The models that came of it; an older version's record names but one, once it is published."""
        if self.models or self.state is not JobState.PUBLISHED or not self.model_id:
            return self.models
        return (JobModel(model_id=self.model_id, model_type=self.model_type or ""),)

    @property
    def ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in ENDED

    @property
    def overrides(self) -> dict[str, str]:
        """The trainer options that were asked for."""
        return self.request.overrides if isinstance(self.request, JobRequest) else {}

    @property
    def on_its_way(self) -> str:
        """What a job that has come to uploading cannot be kept from any more, as half a sentence."""
        predicts = isinstance(self.request, InferenceRequest)
        return "its predictions are on their way" if predicts else "it is trained and its model is on its way"

    @property
    def results_folder(self) -> keys.ResultsFolder:
        """Where the holder of the newest fencing number puts what an inference makes."""
        return keys.ResultsFolder(self.room_id, self.job_id, self.fencing)

    def since(self) -> datetime:
        """When it came into its present state."""
        return self.history[-1].at if self.history else self.created_at
