"""Pure: the errors that cross HTTP with all their fields: of jobs, of their queue, of a room's models."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sleap_rtc.events.jobs import JobCancelled, JobClaimed, JobEnded, JobNotReady, JobState, LeaseLost
from sleap_rtc.events.queue import HandleDead, MessageTooLarge
from sleap_rtc.storage.document import ChangeNotShown, DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.manifest_changes import AliasMoved, ModelRemoved

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
    AliasMoved: ("alias", "holder", "expected"),
    ModelRemoved: ("model_id", "room_id", "deleted_at"),
    DocumentUnreadable: ("key", "why", "remedy"),
    DocumentTooNew: ("key", "why", "remedy"),
    ChangeNotShown: ("key", "why", "remedy"),
}
_BY_CODE = {
    "handle_dead": HandleDead,
    "job_claimed": JobClaimed,
    "job_ended": JobEnded,
    "job_not_ready": JobNotReady,
    "lease_lost": LeaseLost,
    "job_cancelled": JobCancelled,
    "message_too_large": MessageTooLarge,
    "alias_moved": AliasMoved,
    "model_removed": ModelRemoved,
    "document_unreadable": DocumentUnreadable,
    "document_too_new": DocumentTooNew,
    "change_not_shown": ChangeNotShown,
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
    alias: str | None = Field(None, max_length=64)
    holder: str | None = Field(None, max_length=64)
    expected: str | None = Field(None, max_length=64)
    model_id: str | None = Field(None, max_length=64)
    room_id: str | None = Field(None, max_length=32)
    deleted_at: datetime | None = None
    key: str | None = Field(None, max_length=1024)
    remedy: str | None = Field(None, max_length=1000)


def crosses_whole(kind: type[SleapRtcError]) -> bool:
    """Tell whether errors of this kind cross with all their fields."""
    return kind in _FIELDS


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
