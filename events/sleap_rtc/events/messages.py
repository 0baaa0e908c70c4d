"""Pure: what stands in our own queue messages and room notifications. Unknown fields are ignored."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sleap_rtc.events.jobs import DatasetRef, Job, JobState
from sleap_rtc.storage.errors import SleapRtcError


class MessageUnreadable(SleapRtcError):
    """The message cannot be read: {why}."""

    code: str
    why: str


if TYPE_CHECKING:
    from sleap_rtc.storage.manifest import ModelRecord

_CODES: dict[tuple[str, tuple[int | str, ...]], str] = {
    ("json_invalid", ()): "not_json",
    ("literal_error", ("v",)): "unknown_version",
}


class JobMessage(BaseModel):
    """Wakes a worker. The job's record says what is to be done; the message only where it stands."""

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    room_id: str
    job_id: str
    dataset: DatasetRef
    traceparent: str

    @classmethod
    def of(cls, job: Job, traceparent: str = "") -> JobMessage:
        """Make the message for a job; the trace context is that of its sending, if somebody follows that."""
        led = traceparent or job.traceparent
        return cls(room_id=job.room_id, job_id=job.job_id, dataset=job.dataset, traceparent=led)

    @classmethod
    def parse(cls, body: str) -> JobMessage:
        """Read a message.

        Raises:
            MessageUnreadable: not JSON, of another version, or with a field missing.
        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            code = _CODES.get((first["type"], first["loc"]), "unknown_form")
            raise MessageUnreadable(
                code=code, why=f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            ) from error


class RoomEvent(BaseModel):
    """What the people in a room are told. `key` is the same for every telling of one fact; `id` is not.

    Of a job, `state` is the step that it took. Of the room itself (its members, its models) it is the kind of
    change, `text` says it in words, and there is no job.
    """

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    id: str
    key: str
    kind: Literal["job", "model", "room"]
    room_id: str
    job_id: str = ""
    state: str
    at: datetime
    by: str = ""
    attempt: int = 0
    text: str = ""
    model_id: str | None = None
    traceparent: str = ""
    event: str = ""

    @classmethod
    def of_step(cls, job: Job, index: int, event_id: str = "") -> RoomEvent:
        """Return what the room is told of one step of a job's history."""
        edge = job.history[index]
        return cls(
            id=event_id,
            key=f"{job.job_id}/{index}/{edge.state}",
            kind="job",
            room_id=job.room_id,
            job_id=job.job_id,
            state=edge.state,
            at=edge.at,
            by=edge.by,
            attempt=edge.attempt,
            text=_of_end(job, edge.state),
            model_id=job.model_id,
            traceparent=job.traceparent,
            event=edge.event,
        )

    @classmethod
    def of_model(
        cls, record: ModelRecord, by: str, at: datetime, event: str, event_id: str = ""
    ) -> RoomEvent:
        """Return what the room is told of a model that ended no job, by whom it came given as a name."""
        return cls(
            id=event_id,
            key=f"{record.model_type}_{record.model_id}/published",
            kind="model",
            room_id=record.room_id,
            state="published",
            at=at,
            by=by,
            text=f"model {record.model_id} ({record.model_type}) {_how_it_came(record)}",
            model_id=record.model_id,
            event=event,
        )


def _how_it_came(record: ModelRecord) -> str:
    if record.interim:
        return f"is as far as a worker came that had to leave; job {record.job_id} goes on"
    if record.job_id:
        return f"was trained by job {record.job_id}{record.turn.words}"
    return "was brought"


def _of_end(job: Job, state: JobState) -> str:
    """Return what is to be said of the way in which a job ended; empty for any other step."""
    if state is JobState.FAILED and job.failure:
        return job.failure.message
    if state is JobState.PUBLISHED and job.results:
        return f"predictions: {', '.join(file.name for file in job.results)}"
    return ""
