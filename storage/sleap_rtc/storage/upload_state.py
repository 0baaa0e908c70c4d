"""Adapter: what a killed upload needs to go on, kept beside the file that is being sent.

    recording.zip
    recording.zip.sleap-upload-state         first line: version, file identity, plan, destination, upload id
                                             then one line for each part that the store acknowledged
    recording.zip.sleap-upload-state.lock    held while a process sends the file

The first line is written with an atomic rename, the others are appended, so a kill at any instant
costs at most the line that was being written; a torn last line is ignored. Lines are not synced: a loss of
power may take some, and then their parts are sent again. Where the folder cannot be
written, the same files lie in the user's state folder under a name made from the file's path.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout
from platformdirs import user_state_path
from pydantic import BaseModel, ConfigDict, ValidationError

from sleap_rtc.storage.errors import FileInUse, FileMissing, FileUnreadable
from sleap_rtc.storage.part_plan import PartPlan
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from types import TracebackType

SUFFIX = ".sleap-upload-state"


class FileIdentity(BaseModel):
    """What tells that a file is still the same one."""

    model_config = ConfigDict(frozen=True)

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity:
        """Look at a file.

        Raises:
            FileMissing: there is none, or it is not a regular file.
            FileUnreadable: it may not be looked at.
        """
        try:
            if not path.is_file():
                raise FileMissing(path=path)
            found = path.stat()
        except OSError as error:
            raise FileUnreadable(path=path, why=error.strerror or "unknown reason") from error
        return cls(size_bytes=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


class UploadHeader(BaseModel):
    """The first line of the state file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    file: FileIdentity
    part_size_bytes: int
    service: str
    room_id: str
    upload_id: str
    job: str = ""

    @property
    def plan(self) -> PartPlan:
        """The part plan, frozen for the life of the upload."""
        return PartPlan(self.file.size_bytes, self.part_size_bytes)


class _PartLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    length: int
    crc: int
    etag: str


class UploadState:
    """The state file of one local file, locked for as long as the context is open."""

    def __init__(self, file: Path) -> None:
        self._source = file
        self.path = _state_path(file)
        self._lock = FileLock(f"{self.path}.lock", timeout=0)
        self.header: UploadHeader | None = None
        self.parts: dict[int, SentPart] = {}

    def __enter__(self) -> Self:
        """Lock the state and read what an earlier run left.

        Raises:
            FileInUse: another process is sending the same file.
        """
        try:
            self._lock.acquire()
        except Timeout:
            raise FileInUse(path=self._source) from None
        self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock; the state itself stays until `forget`."""
        # Removed while it is still held, or another process could lock it in between and lose it again.
        # Windows lets nobody remove an open file; there the lock removes it on release.
        with suppress(PermissionError):
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def begin(self, header: UploadHeader) -> None:
        """Start over with a new upload."""
        self.header, self.parts = header, {}
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(header.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)

    def record(self, part: SentPart) -> None:
        """Remember a part that the store acknowledged."""
        self.parts[part.number] = part
        line = _PartLine(number=part.number, length=part.length, crc=part.crc, etag=part.etag)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line.model_dump_json() + "\n")

    def forget(self) -> None:
        """The upload is complete or given up: nothing is left to go on from."""
        self.header, self.parts = None, {}
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            whole, newline, torn = self.path.read_bytes().rpartition(b"\n")
        except FileNotFoundError:
            return
        lines = whole.splitlines()
        try:
            header = UploadHeader.model_validate_json(lines[0] if lines else "")
        except ValidationError:
            return
        if header.version != 1:
            return
        self.header = header
        if torn:  # the next line would be glued to it
            os.truncate(self.path, len(whole + newline))
        for line in lines[1:]:
            with suppress(ValidationError, IndexError):
                self._take(_PartLine.model_validate_json(line))

    def _take(self, line: _PartLine) -> None:
        if self.header is not None and self.header.plan.part(line.number).length == line.length:
            self.parts[line.number] = SentPart(line.number, line.length, line.crc, line.etag)


def _state_path(file: Path) -> Path:
    beside = file.with_name(file.name + SUFFIX)
    if os.access(file.parent, os.W_OK):
        return beside
    folder = user_state_path("sleap-rtc") / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:16]
    return folder / f"{name}{SUFFIX}"
