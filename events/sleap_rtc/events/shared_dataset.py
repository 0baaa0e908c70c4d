"""Pure: a dataset that lies in a folder which client and workers both see, and what is asked of it.

A lab's file server may be mounted at another place on each machine, so a dataset is named by its path below
that folder. Nothing of it travels; size and checksum tell whether a worker sees the same file.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sleap_rtc.events.jobs import AskedRequest, DatasetRef
from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES

_FORBIDDEN = {"", ".", ".."}


def checked_shared_path(path: str) -> str:
    """Return a relative path in POSIX spelling that stays below its folder. Raises ValueError."""
    parts = path.split("/")
    if any(part in _FORBIDDEN or "\\" in part or not part.isprintable() for part in parts):
        raise ValueError("a path in the shared folder is relative, with / between its parts and without ..")
    return path


SharedPath = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(checked_shared_path)]


class SharedDataset(BaseModel):
    """A dataset that stays where it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: SharedPath
    size_bytes: int = Field(ge=1, le=LARGEST_OBJECT_BYTES)
    checksum: str = Field(pattern=r"^crc64nvme:[A-Za-z0-9+/]{11}=$")

    @property
    def file_name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name

    def ref(self) -> DatasetRef:
        """Return what a job's record says of it."""
        return DatasetRef(
            type="local",
            path=self.path,
            size_bytes=self.size_bytes,
            checksum=self.checksum,
            file_name=self.file_name,
        )


class SubmitSharedJob(BaseModel):
    """`POST /api/rooms/{room_id}/shared-jobs`. The client makes up the id; sent again it is the same job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str = Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")
    dataset: SharedDataset
    job: AskedRequest
