"""Pure: what a client and the service say to each other about a model that somebody brings to a room.

Every request names the model by its folder in the path, `{model_type}_{model_id}`. What the record says of
who brought it, and when, is the service's matter and stands in no request.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sleap_rtc.events.model_files_api import (
    AbortFile,
    CompleteFile,
    FileChecksum,
    FileName,
    FileSize,
    ModelFilesRequest,
    SignFileParts,
)
from sleap_rtc.storage.manifest import ModelFile
from sleap_rtc.storage.model_folder import MOST_FILES
from sleap_rtc.storage.plain_values import LONGEST_TEXT, MOST_ENTRIES

FOLDER_PATTERN = r"^[a-z0-9_]{1,64}_[0-9a-f]{8}$"

_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Integer = Annotated[int, Field(ge=-(2**53), le=2**53)]
_Values = Annotated[dict[_Name, bool | _Integer | _Number | _Text], Field(max_length=MOST_ENTRIES)]


class PushedFile(ModelFilesRequest):
    """One file of the model."""

    name: FileName
    size_bytes: FileSize
    checksum: FileChecksum

    @classmethod
    def of(cls, file: ModelFile) -> PushedFile:
        """Return what is said of a file."""
        return cls(**dict(file))

    @property
    def file(self) -> ModelFile:
        """The file as a record has it."""
        return ModelFile(**dict(self))


_Files = Annotated[list[PushedFile], Field(min_length=1, max_length=MOST_FILES)]


class OpenPushedFile(ModelFilesRequest):
    """`POST .../open`: a multipart upload of the file `name`, one of these, which are all of the model's.

    All are named each time, so that nothing is taken for a folder whose id is not that of its files.
    """

    files: _Files
    name: FileName


class SignPushedParts(SignFileParts):
    """`POST .../sign-parts`."""


class CompletePushedFile(CompleteFile):
    """`POST .../complete`."""


class AbortPushedFile(AbortFile):
    """`POST .../abort`."""


class PublishPushed(ModelFilesRequest):
    """`POST .../publish`: what its folder tells of the model; safe to repeat.

    `trained_at` is when it was trained, so far as that is known. A worker that publishes for a peer of the
    room, which has no job here either, says in `trained_for` which one that is.
    """

    files: _Files
    trainer: _Text = ""
    trained_at: AwareDatetime | None = None
    trained_for: _Text = ""
    dataset_checksum: FileChecksum | None = None
    config_checksum: FileChecksum | None = None
    legacy_ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]] = Field(
        default_factory=list, max_length=4
    )
    software: Annotated[dict[_Name, _Text], Field(max_length=MOST_ENTRIES)] = Field(default_factory=dict)
    hyperparameters: _Values = Field(default_factory=dict)
    metrics: _Values = Field(default_factory=dict)


class PushedModel(BaseModel):
    """The model's record is there. `already_published`: it was before, and stays as it is."""

    model_config = ConfigDict(frozen=True)

    model_id: str
    model_type: str
    already_published: bool
