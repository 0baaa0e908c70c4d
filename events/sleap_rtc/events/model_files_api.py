"""Pure: what is said to the service about the files of a model on their way to a room, whoever sends them.

An S3 upload id is opaque: it is handed back as it came, and worth nothing without the right to write there.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.events.api import Checksum, PartToSignView, SentPartView
from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES, MOST_PARTS

FileName = Annotated[str, Field(max_length=255)]
FileSize = Annotated[int, Field(ge=0, le=LARGEST_OBJECT_BYTES)]
FileChecksum = Annotated[str, Field(pattern=r"^crc64nvme:[A-Za-z0-9+/]{11}=$")]


class ModelFilesRequest(BaseModel):
    """Any of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfOpenFile(ModelFilesRequest):
    """What belongs to an upload that is open."""

    name: FileName
    s3_upload_id: str = Field(min_length=1, max_length=1024)


class SignFileParts(OfOpenFile):
    """A few parts that are about to be sent."""

    parts: list[PartToSignView] = Field(min_length=1, max_length=32)


class CompleteFile(OfOpenFile):
    """All parts of a file; safe to repeat."""

    whole_checksum: bool
    checksum: Checksum
    parts: list[SentPartView] = Field(min_length=1, max_length=MOST_PARTS)


class AbortFile(OfOpenFile):
    """The upload is given up."""


class ModelFileOpened(BaseModel):
    """The S3 upload that is open now.

    Nothing is open for an empty file, which was written at once, and none for one that is `present`, its
    bytes being there already.
    """

    model_config = ConfigDict(frozen=True)

    s3_upload_id: str
    whole_checksum: bool
    present: bool = False
