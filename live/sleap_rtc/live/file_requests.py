"""Pure: what one peer asks another about its files, as text on `ctl`. The answers are `file_frames`.

    {"v":1,"op":"read","id":7,"what":{"model_id":"…","file":"best.ckpt"},"offset":0,"length":1048576}
    {"v":1,"op":"read","id":9,"what":{"job_id":"01K…","file":"sample.png"},"offset":0,"length":4096}
    {"v":1,"op":"checksums","id":8,"what":{…},"range_bytes":8388608}     CRC64NVME of every range of the file
    {"v":1,"op":"cancel","id":7}                                         has no answer

Whoever asks numbers his requests upwards. A name is compared with what there is to be had, never joined to a
path as it came; that it can be no path is held here already.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from sleap_rtc.live.file_frames import LARGEST_ID, LARGEST_OFFSET
from sleap_rtc.storage.part_plan import MIB

MOST_REQUEST_CHARACTERS = 4096
LARGEST_READ_BYTES = 8 * MIB
LEAST_RANGE_BYTES = MIB
CHECKSUM_BYTES = 8
OPERATIONS = frozenset({"read", "checksums", "cancel"})

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class _Strict(BaseModel):
    # What a newer peer adds is ignored; a number is no text and no truth value.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class What(_Strict):
    """A file of a model, or of a job: either id says of which."""

    model_id: str = Field("", pattern=r"^([0-9a-f]{8,64})?$")
    job_id: str = Field("", pattern=r"^([0-9A-HJKMNP-TV-Z]{26})?$")
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")

    @model_validator(mode="after")
    def _of_one(self) -> What:
        if bool(self.model_id) == bool(self.job_id):
            raise ValueError("it is of a model or of a job")
        return self

    @model_serializer(mode="wrap")
    def _with_one_id(self, whole: SerializerFunctionWrapHandler) -> dict[str, str]:
        # Peers that know of models alone are asked as they always were.
        return {name: value for name, value in whole(self).items() if value}

    def __str__(self) -> str:
        return f"{self.file} of {self.model_id or self.job_id}"


class _Request(_Strict):
    v: Literal[1] = 1
    id: Id

    def text(self) -> str:
        """Return the request as it is sent."""
        return self.model_dump_json()


class ReadRange(_Request):
    """Wants bytes of a file."""

    op: Literal["read"] = "read"
    what: What
    offset: int = Field(ge=0, le=LARGEST_OFFSET)
    length: int = Field(ge=1, le=LARGEST_READ_BYTES)


class ReadChecksums(_Request):
    """Wants the CRC64NVME of every range of a file, eight big-endian bytes each."""

    op: Literal["checksums"] = "checksums"
    what: What
    range_bytes: int = Field(ge=LEAST_RANGE_BYTES, le=LARGEST_OFFSET)


class Cancel(_Request):
    """Does not want an answer any more."""

    op: Literal["cancel"] = "cancel"


Request = Annotated[ReadRange | ReadChecksums | Cancel, Field(discriminator="op")]
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


class RequestUnreadable(ValueError):
    """A request cannot be understood; `id` is its number as far as that could be read, else 0."""

    def __init__(self, id_: int, why: str) -> None:
        super().__init__(why)
        self.id = id_


def read_request(text: str) -> Request:
    """Read a request.

    Raises:
        RequestUnreadable: it is none of this version.
    """
    if len(text) > MOST_REQUEST_CHARACTERS:
        raise RequestUnreadable(0, f"it has {len(text)} characters")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestUnreadable(0, "it is not JSON") from None
    try:
        return _REQUEST.validate_python(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in found["loc"][1:])
        raise RequestUnreadable(id_of(content), f"{where or 'op'}: {found['msg']}"[:300]) from None


def id_of(content: Any) -> int:
    """Return the number of a request as far as it can be read, else 0."""
    match content:
        case {"id": int(id_)} if 0 < id_ <= LARGEST_ID and not isinstance(id_, bool):
            return id_
    return 0
