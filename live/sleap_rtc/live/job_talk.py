"""Pure: how a job is watched and commanded over `ctl` and `progress`.

    {"v":1,"op":"attach","id":1,"job_id":"01K…","run":7,"after":120}
        → {"v":1,"op":"attached","id":1,"job_id":"01K…","run":7,"newest":130,"missed":false}
        → {"v":1,"op":"told","job_id":"01K…","told":{"run":7,"seq":121,"at":"…","event":{"kind":"epoch",…}}}
    {"v":1,"op":"command","id":2,"job_id":"01K…","command_id":"01K…","command":{"name":"pause"}}
        → {"v":1,"op":"answered","id":2,"command_id":"01K…","answer":{"outcome":"done","text":"…"}}
    either → {"v":1,"op":"refused","id":2,"code":"unknown_job","why":"…"}

`run` and `after` say what was seen last; whoever has seen nothing of this run says 0 and 0. What must arrive
comes on `ctl`, in order; the rest on `progress`, out of order or not at all. Whoever asks numbers his
requests upwards, and may repeat a command after a cut: it has an id of its own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sleap_rtc.events.job_commands import Command, CommandAnswer, CommandId
from sleap_rtc.events.job_progress import Told
from sleap_rtc.live.file_frames import LARGEST_ID

REQUESTS = frozenset({"attach", "command"})
REPLIES = frozenset({"attached", "answered", "refused", "told"})
JobId = Annotated[str, Field(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]


class _Message(BaseModel):
    # What a newer peer adds is ignored.
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    v: Literal[1] = 1

    def text(self) -> str:
        """Return the message as it is sent."""
        return self.model_dump_json()


class _Numbered(_Message):
    id: int = Field(ge=1, le=LARGEST_ID)


class Attach(_Numbered):
    """Wants to be told of a job, from behind what was seen last."""

    op: Literal["attach"] = "attach"
    job_id: JobId
    run: int = Field(0, ge=0, le=2**53)
    after: int = Field(0, ge=0, le=2**53)


class GiveCommand(_Numbered):
    """Wants something done with a job."""

    op: Literal["command"] = "command"
    job_id: JobId
    command_id: CommandId
    command: Command


class Attached(_Numbered):
    """The peer works on the job. `missed`: what came right after is not there any more."""

    op: Literal["attached"] = "attached"
    job_id: JobId
    run: int
    newest: int
    missed: bool = False


class Answered(_Numbered):
    """What became of a command."""

    op: Literal["answered"] = "answered"
    command_id: CommandId
    answer: CommandAnswer


class Refused(_Message):
    """The peer does not do it; `id` is 0 where the request's own could not be read."""

    id: int = Field(ge=0, le=LARGEST_ID)
    op: Literal["refused"] = "refused"
    code: str = Field(max_length=40)
    why: str = Field(max_length=300)


class JobTold(_Message):
    """Something happened."""

    op: Literal["told"] = "told"
    job_id: JobId
    told: Told


JobRequest = Annotated[Attach | GiveCommand, Field(discriminator="op")]
JobReply = Annotated[Attached | Answered | Refused | JobTold, Field(discriminator="op")]
_REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)
_REPLY: TypeAdapter[JobReply] = TypeAdapter(JobReply)


class TalkUnreadable(ValueError):
    """A request is none of this version."""


def read_job_request(text: str) -> Attach | GiveCommand:
    """Read what a watcher wants.

    Raises:
        TalkUnreadable: it is none of this version; says which field, in words for a person.
    """
    try:
        return _REQUEST.validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in found["loc"][1:])
        raise TalkUnreadable(f"{where or 'op'}: {found['msg']}"[:300]) from None


def read_job_reply(text: str) -> Attached | Answered | Refused | JobTold | None:
    """Read what a worker says; None for what only a newer version says."""
    try:
        return _REPLY.validate_json(text)
    except ValidationError:
        return None
