"""Pure: what the holder of a job says of it, and what that makes of the job.

The same words reach the record from a worker with a role of its own and, over HTTP, from one without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.events import job_asks, job_steps
from sleap_rtc.events.inference import MOST_RESULTS, InferenceRequest, ResultFile
from sleap_rtc.events.job_commands import CommandAnswer, CommandId
from sleap_rtc.events.jobs import Job, JobFailure, JobModel, JobState, LeaseLost
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.manifest import ModelTurn

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Hold:
    """A worker's hold of a job, by its fencing number."""

    room_id: str
    job_id: str
    fencing: int


@dataclass(frozen=True)
class JobRules:
    """What the changes of a job depend on.

    Args:
        lease_s: for how long a claim holds without renewal, in seconds.
        most_attempts: after how many attempts that count a job fails.
    """

    lease_s: float
    most_attempts: int


ModelId = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
ModelType = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Renewed(_Report):
    """The holder is alive."""

    kind: Literal["renewed"] = "renewed"


class Advanced(_Report):
    """The holder has come to the next step."""

    kind: Literal["advanced"] = "advanced"
    state: Literal[JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING]
    note: str = Field("", max_length=500)
    model_id: ModelId | None = None
    model_type: ModelType | None = None


class ModelSent(_Report):
    """A model is there with its record, and another one follows."""

    kind: Literal["model_sent"] = "model_sent"
    model_id: ModelId
    model_type: ModelType
    turn: ModelTurn


class Failed(_Report):
    """No attempt can succeed."""

    kind: Literal["failed"] = "failed"
    code: str = Field(pattern=r"^[a-z_]{1,40}$")
    message: str = Field(max_length=4000)


class GivenBack(_Report):
    """Another attempt may succeed, after a while."""

    kind: Literal["given_back"] = "given_back"
    reason: str = Field(max_length=1000)
    delay_s: float = Field(0, ge=0, le=86_400)
    counts: bool


class Obeyed(_Report):
    """What became of a command of the job's record; may also be said just after the hold has ended."""

    kind: Literal["obeyed"] = "obeyed"
    command_id: CommandId
    answer: CommandAnswer


class Finished(_Report):
    """The predictions of an inference lie in the results folder of this hold, every file of them."""

    kind: Literal["finished"] = "finished"
    results: tuple[ResultFile, ...] = Field(min_length=1, max_length=MOST_RESULTS)


Report = Annotated[
    Renewed | Advanced | ModelSent | Failed | GivenBack | Obeyed | Finished, Field(discriminator="kind")
]


def reported(job: Job, report: Report, fencing: int, now: datetime, rules: JobRules) -> Job:
    """Return the job after a report of its holder; the same report again, after a lost reply, adds nothing.

    Raises:
        LeaseLost: the job is not the reporter's any more.
        InputError: the job trains, and ends with a model.
    """
    if _said_before(job, report, fencing):
        return job
    match report:
        case Renewed():
            changed = job_steps.renewed(job, fencing, now, rules.lease_s)
        case Advanced():
            moved = job_steps.advanced(job, JobState(report.state), fencing, now, report.note)
            of_model = {"model_id": report.model_id, "model_type": report.model_type}
            changed = moved.model_copy(update=of_model if report.model_id else {})
        case ModelSent():
            model = JobModel(model_id=report.model_id, model_type=report.model_type)
            changed = job_steps.sent(job, model, report.turn, fencing)
        case Failed():
            job_steps.check_fencing(job, fencing)
            holder = job.lease.worker_id if job.lease else "?"
            changed = job_steps.failed(job, now, holder, report.code, report.message)
        case GivenBack():
            changed = job_steps.given_back(
                job,
                fencing,
                now,
                report.reason,
                report.delay_s,
                rules.most_attempts,
                counts=report.counts,
            )
        case Obeyed():
            if fencing > job.fencing:
                raise LeaseLost(held=fencing, current=job.fencing)
            changed = job_asks.answered(job, fencing, report.command_id, report.answer, now)
        case Finished():
            if not isinstance(job.request, InferenceRequest):
                raise InputError(message=f"Job {job.job_id} trains, so it ends with a model.")
            changed = job_steps.finished(job, fencing, now, report.results)
    return changed


def _said_before(job: Job, report: Report, fencing: int) -> bool:
    """Tell whether the newest edge of a job is what this very report made of it."""
    if not job.history or job.fencing != fencing or job.history[-1].fencing != fencing:
        return False
    last, failure = job.history[-1], job.failure
    match report:
        case Renewed() | Obeyed() | ModelSent():
            return False
        case Advanced():
            return (last.state, last.event) == (report.state, report.note)
        case Failed():
            return failure == JobFailure(code=report.code, message=report.message)
        case GivenBack():
            requeued = (last.state, last.event) == (JobState.REQUEUED, report.reason)
            return requeued or failure == JobFailure(code="gave_up", message=report.reason)
        case Finished():
            return last.state is JobState.PUBLISHED and job.results == report.results
