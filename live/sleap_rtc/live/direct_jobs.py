"""Pure: how a client hands a job straight to a worker over `ctl`, without a room's queue.

    {"v":1,"op":"submit","id":1,"job_id":"01K…","file_name":"labels.zip","size_bytes":52428800,
     "checksum":"crc64nvme:…","request":{"trainer":null,"overrides":{}}}
        → {"v":1,"op":"accepted","id":1,"job_id":"01K…"}
        → {"v":1,"op":"declined","id":1,"code":"busy","why":"…"}
    {"v":1,"op":"collect","id":2,"job_id":"01K…"}
        → {"v":1,"op":"result","id":2,"job_id":"01K…","state":"done","model":{"model_id":"…","files":[…]}}
        → {"v":1,"op":"result","id":2,"job_id":"01K…","state":"failed","code":"training_failed","why":"…"}

Once it has accepted, the worker reads the file `{"job_id":"01K…","file":"package"}` from the client, as files
are read from a worker the other way round (`file_requests`), and the client watches the job by its id
(`job_talk`). A client that was cut off submits the same job once more over a new session: it is accepted for
as long as the worker remembers it, and the file goes on from where it was. When the job has ended the client
collects what became of it and reads the model's files from the worker.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.live.file_frames import LARGEST_ID
from sleap_rtc.live.job_talk import JobId

SUBMIT, COLLECT = "submit", "collect"
REQUESTS = frozenset({SUBMIT, COLLECT})
REPLIES = frozenset({"accepted", "declined", "result"})
PACKAGE = "package"
"""As what the worker asks the client for the file."""
LARGEST_PACKAGE_BYTES = 1 << 40
MOST_NAME_CHARACTERS = 255
MOST_FILES = 64
MOST_MODELS = 16
BUSY, LEAVING = "busy", "leaving"

Checksum = Annotated[str, Field(pattern=r"^crc64nvme:[A-Za-z0-9+/]{11}=$")]


class _Message(BaseModel):
    # What a newer peer adds is ignored.
    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = 1
    id: int = Field(ge=1, le=LARGEST_ID)

    def text(self) -> str:
        """Return the message as it is sent."""
        return self.model_dump_json()


class SubmitJob(_Message):
    """Wants a package trained.

    Attributes:
        file_name: as people know it; nothing is ever called so on the worker's disk.
        checksum: of the whole file, CRC64NVME.
        request: what is asked of the trainer.
    """

    op: Literal["submit"] = "submit"
    job_id: JobId
    file_name: str = Field(min_length=1, max_length=MOST_NAME_CHARACTERS, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
    size_bytes: int = Field(ge=1, le=LARGEST_PACKAGE_BYTES)
    checksum: Checksum
    request: JobRequest = Field(default_factory=JobRequest)


class CollectJob(_Message):
    """Asks what became of a job."""

    op: Literal["collect"] = "collect"
    job_id: JobId


class JobAccepted(_Message):
    """The worker takes it, or has taken it before."""

    op: Literal["accepted"] = "accepted"
    job_id: JobId


class JobDeclined(_Message):
    """The worker does not take it; `code` is for programs, `why` for people."""

    op: Literal["declined"] = "declined"
    code: str = Field(max_length=40)
    why: str = Field(max_length=300)


class MadeFile(BaseModel):
    """A file of the model."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    size_bytes: int = Field(ge=0)
    checksum: Checksum


class MadeModel(BaseModel):
    """What came of a job. `in_room`: the room has it, too."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_id: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    model_type: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    files: tuple[MadeFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    in_room: bool = False


class JobResult(_Message):
    """What became of a job; `unknown` if the worker does not remember it.

    `model` is the last one that it made, `earlier` are those before it.
    """

    op: Literal["result"] = "result"
    job_id: JobId
    state: Literal["working", "done", "failed", "unknown"]
    model: MadeModel | None = None
    earlier: tuple[MadeModel, ...] = Field((), max_length=MOST_MODELS)
    code: str = Field("", max_length=40)
    why: str = Field("", max_length=2000)


Reply = Annotated[JobAccepted | JobDeclined | JobResult, Field(discriminator="op")]
_REQUEST: TypeAdapter[SubmitJob | CollectJob] = TypeAdapter(
    Annotated[SubmitJob | CollectJob, Field(discriminator="op")]
)
_REPLY: TypeAdapter[JobAccepted | JobDeclined | JobResult] = TypeAdapter(Reply)


class RequestUnreadable(ValueError):
    """A request is none of this version."""


def read_direct_request(text: str) -> SubmitJob | CollectJob:
    """Read what a client wants.

    Raises:
        RequestUnreadable: it is none of this version; says which field, in words for a person.
    """
    try:
        return _REQUEST.validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in found["loc"][1:])
        raise RequestUnreadable(f"{where or 'op'}: {found['msg']}"[:300]) from None


def read_direct_reply(text: str) -> JobAccepted | JobDeclined | JobResult | None:
    """Read what a worker says; None for what only a newer version says."""
    try:
        return _REPLY.validate_json(text)
    except ValidationError:
        return None
