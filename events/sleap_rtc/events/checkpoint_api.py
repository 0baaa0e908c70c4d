"""Pure: what a worker without credentials and the service say to each other about checkpoints.

Each request names the hold by its fencing number, and a slot of that holder; no key ever comes from a caller.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.events.api import FileDownload
from sleap_rtc.events.checkpoints import MOST_FILES, Checkpoint
from sleap_rtc.events.model_files_api import (
    AbortFile,
    CompleteFile,
    FileChecksum,
    FileName,
    FileSize,
    ModelFilesRequest,
    SignFileParts,
)


class OfCheckpoint(ModelFilesRequest):
    """What belongs to a checkpoint on its way."""

    fencing: int = Field(ge=1, le=2**53)
    slot: Literal["a", "b"]


class OpenCheckpointFile(OfCheckpoint):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/checkpoint/open`: a multipart upload of one file."""

    name: FileName
    size_bytes: FileSize = Field(ge=1)
    checksum: FileChecksum


class SignCheckpointParts(SignFileParts, OfCheckpoint):
    """`POST .../checkpoint/sign-parts`."""


class CompleteCheckpointFile(CompleteFile, OfCheckpoint):
    """`POST .../checkpoint/complete`; safe to repeat."""


class AbortCheckpointFile(AbortFile, OfCheckpoint):
    """`POST .../checkpoint/abort`."""


class KeepCheckpoint(ModelFilesRequest):
    """`PUT .../checkpoint`: the record, after all files; safe to repeat."""

    fencing: int = Field(ge=1, le=2**53)
    checkpoint: Checkpoint


class FoundCheckpoint(BaseModel):
    """`GET .../checkpoint`: what the holder of a job can go on from, if anything; its URLs are secrets."""

    model_config = ConfigDict(frozen=True)

    checkpoint: Checkpoint | None = None
    files: list[FileDownload] = Field(default_factory=list, max_length=MOST_FILES)
