"""Pure: the record of a job and every change that it can go through.

    uploaded → queued → claimed → downloading → training → uploading → published
                 ↑         └────────────┴────────────┴──────────┴──→ failed(code) | cancelled
                 └── requeued(n) ← lost ←──────── (the lease ran out) ┘

A change takes a job and returns the next version of it, or raises. The lock is the lease: whoever holds the
newest fencing number may change the job until the lease runs out. Every edge stays in the history.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.document import Document
from sleap_rtc.storage.errors import SleapRtcError


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
    """The job is not queued yet: {state}."""

    state: JobState


class LeaseLost(SleapRtcError):
    """The job was given to another worker meanwhile (fencing number {held}, now {current})."""

    held: int
    current: int


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
    """What a client asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["training"] = "training"
    trainer: Literal["reference", "sleap-nn"] | None = None
    """None leaves the choice to the worker."""
    overrides: dict[str, str] = Field(default_factory=dict, max_length=64)
    """Trainer options such as `trainer_config.max_epochs`, in sleap-nn's spelling."""


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
    """Who holds the job, and until when."""

    model_config = ConfigDict(frozen=True)

    worker_id: str
    until: datetime


class JobFailure(BaseModel):
    """Why a job failed: a stable code, and a sentence for its owner."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Job(Document):
    """`{room_id}/jobs/{job_id}/job.json`."""

    job_id: str
    room_id: str
    request: JobRequest
    dataset: DatasetRef
    created_by: str
    created_at: datetime
    traceparent: str
    state: JobState = JobState.UPLOADED
    attempt: int = 0
    fencing: int = 0
    lease: Lease | None = None
    failure: JobFailure | None = None
    model_id: str | None = None
    model_type: str | None = None
    history: tuple[Edge, ...] = ()

    @property
    def ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in ENDED

    def since(self) -> datetime:
        """When it came into its present state."""
        return self.history[-1].at if self.history else self.created_at


def _step(job: Job, state: JobState, now: datetime, by: str, event: str = "") -> Job:
    edge = Edge(state=state, at=now, by=by, attempt=job.attempt, fencing=job.fencing, event=event)
    return job.model_copy(update={"state": state, "history": (*job.history, edge)})


def uploaded(job: Job, now: datetime, event: str) -> Job:
    """Begin: the dataset is complete."""
    return _step(job, JobState.UPLOADED, now, "dispatch", event)


def enqueued(job: Job, now: datetime, event: str) -> Job:
    """A message for it is on the room's queue."""
    return _step(job, JobState.QUEUED, now, "dispatch", event) if job.state is JobState.UPLOADED else job


def claimed(job: Job, worker_id: str, now: datetime, lease_s: float, event: str, most_attempts: int) -> Job:
    """Give the job to a worker; an expired lease means that the last one was lost.

    Raises:
        JobEnded: there is nothing left to do.
        JobClaimed: another worker holds it.
        JobNotReady: it has not been queued.
    """
    if job.ended:
        raise JobEnded(state=job.state)
    if job.state in HELD:
        remaining_s = lease_remaining_s(job, now)
        if remaining_s > 0:
            raise JobClaimed(worker_id=job.lease.worker_id if job.lease else "?", remaining_s=remaining_s)
        job = lost(job, now, event, most_attempts)
        if job.ended:
            return job
    if job.state not in WAITING:
        raise JobNotReady(state=job.state)
    job = job.model_copy(
        update={
            "attempt": job.attempt + 1,
            "fencing": job.fencing + 1,
            "lease": Lease(worker_id=worker_id, until=now + timedelta(seconds=lease_s)),
        }
    )
    return _step(job, JobState.CLAIMED, now, worker_id, event)


def lease_remaining_s(job: Job, now: datetime) -> float:
    """Return how long the present holder may still work, in seconds; 0 if nobody holds it."""
    return max(0.0, (job.lease.until - now).total_seconds()) if job.lease else 0.0


def lost(job: Job, now: datetime, event: str, most_attempts: int) -> Job:
    """The holder's lease ran out: queue the job again, or end it after too many attempts."""
    holder = job.lease.worker_id if job.lease else "?"
    job = _step(job, JobState.LOST, now, holder, event).model_copy(update={"lease": None})
    if job.attempt >= most_attempts:
        return failed(job, now, "reconcile", "worker_lost", f"{job.attempt} workers were lost in turn.")
    return _step(job, JobState.REQUEUED, now, "reconcile", event)


def check_fencing(job: Job, fencing: int) -> None:
    """Refuse a stale worker.

    Raises:
        LeaseLost: a newer fencing number has been given out, or the job ended.
    """
    if job.fencing != fencing or job.state not in HELD:
        raise LeaseLost(held=fencing, current=job.fencing)


def renewed(job: Job, fencing: int, now: datetime, lease_s: float) -> Job:
    """Extend the lease of the holder. Raises LeaseLost."""
    check_fencing(job, fencing)
    worker_id = job.lease.worker_id if job.lease else "?"
    return job.model_copy(
        update={"lease": Lease(worker_id=worker_id, until=now + timedelta(seconds=lease_s))}
    )


def advanced(job: Job, state: JobState, fencing: int, now: datetime, note: str = "") -> Job:
    """The holder moves on to the next step. Raises LeaseLost."""
    check_fencing(job, fencing)
    return _step(job, state, now, job.lease.worker_id if job.lease else "?", note)


def failed(job: Job, now: datetime, by: str, code: str, message: str) -> Job:
    """End without a model."""
    job = job.model_copy(update={"failure": JobFailure(code=code, message=message), "lease": None})
    return _step(job, JobState.FAILED, now, by, code)


def published(job: Job, now: datetime, event: str) -> Job:
    """End with a model in the manifest; doing it twice changes nothing."""
    if job.ended:
        return job
    return _step(job.model_copy(update={"lease": None}), JobState.PUBLISHED, now, "publish", event)


def given_back(job: Job, fencing: int, now: datetime, reason: str, most_attempts: int) -> Job:
    """The holder cannot go on for a reason that may pass; another attempt may. Raises LeaseLost."""
    check_fencing(job, fencing)
    if job.attempt >= most_attempts:
        return failed(job, now, job.lease.worker_id if job.lease else "?", "gave_up", reason)
    job = job.model_copy(update={"lease": None})
    return _step(job, JobState.REQUEUED, now, "worker", reason)
