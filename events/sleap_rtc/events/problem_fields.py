"""Pure: the errors of the job desk and the job queue, which cross HTTP with all their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sleap_rtc.events.jobs import JobCancelled, JobClaimed, JobEnded, JobNotReady, JobState, LeaseLost
from sleap_rtc.events.queue import HandleDead, MessageTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.errors import SleapRtcError

_FIELDS: Mapping[type[SleapRtcError], tuple[str, ...]] = {
    HandleDead: (),
    JobClaimed: ("worker_id", "remaining_s"),
    JobEnded: ("state",),
    JobNotReady: ("why", "remaining_s"),
    LeaseLost: ("held", "current"),
    JobCancelled: ("held", "current", "by"),
    MessageTooLarge: ("queue", "why"),
}
_BY_CODE = {
    "handle_dead": HandleDead,
    "job_claimed": JobClaimed,
    "job_ended": JobEnded,
    "job_not_ready": JobNotReady,
    "lease_lost": LeaseLost,
    "job_cancelled": JobCancelled,
    "message_too_large": MessageTooLarge,
}


class ProblemFields(BaseModel):
    """The fields of such an error."""

    model_config = ConfigDict(frozen=True)

    worker_id: str | None = Field(None, max_length=96)
    remaining_s: float | None = Field(None, ge=0)
    state: JobState | None = None
    why: str | None = Field(None, max_length=1000)
    held: int | None = None
    current: int | None = None
    by: str | None = Field(None, max_length=1000)
    queue: str | None = Field(None, max_length=200)


def fields_of(error: SleapRtcError) -> ProblemFields | None:
    """Return the fields of an error that crosses whole, None for any other."""
    names = _FIELDS.get(type(error))
    if names is None:
        return None
    return ProblemFields.model_validate({name: getattr(error, name) for name in names})


def error_of(code: str, fields: object) -> SleapRtcError | None:
    """Return the error that a problem stands for, None if it is none of these or its fields are not right."""
    kind = _BY_CODE.get(code)
    if kind is None:
        return None
    try:
        given = ProblemFields.model_validate(fields or {}).model_dump(exclude_none=True)
        return kind(**{name: given[name] for name in _FIELDS[kind]})
    except (ValidationError, KeyError):
        return None
