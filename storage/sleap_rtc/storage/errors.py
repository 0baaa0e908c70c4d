"""Pure: what can go wrong with files, objects and transfers, and how the process then exits.

A class's docstring is the sentence that a user reads; the names in braces are its fields.

    SleapRtcError                 1  something unexpected
    ├── InputError                3  what the user gave cannot be used
    │   ├── FileMissing
    │   ├── FileUnreadable
    │   ├── FileChanged
    │   └── FileInUse
    ├── NotFound                  4  a room, job, model or object that is not there (or not yours)
    ├── Unreachable               5  no answer from a service or a store
    ├── DiskFull                  6
    ├── IntegrityError            7  bytes are not the bytes that were sent
    │   └── ObjectChanged
    ├── Refused                   9  credentials or limits
    ├── TransferFailed           10  cut off; what was acknowledged is kept
    └── StoreError                1  an object store said no to a conditional write
        ├── PreconditionFailed
        └── WriteConflict
"""

from __future__ import annotations

import inspect
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class ExitCode(IntEnum):
    """What the command line returns to the shell. Code 2, wrong usage, belongs to the option parser."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    BAD_INPUT = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    DISK_FULL = 6
    INTEGRITY = 7
    JOB_FAILED = 8
    REFUSED = 9
    INTERRUPTED = 10
    JOB_CANCELLED = 11
    CTRL_C = 130


class SleapRtcError(Exception):
    """{message}"""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED

    def __init__(self, **fields: object) -> None:
        vars(self).update(fields)
        super().__init__(" ".join(inspect.cleandoc(type(self).__doc__ or "").split()).format(**fields))


class InputError(SleapRtcError):
    """{message}"""

    exit_code = ExitCode.BAD_INPUT


class FileMissing(InputError):
    """There is no file at {path}. Check the path and run the command again."""

    path: Path


class FileUnreadable(InputError):
    """{path} cannot be read: {why}."""

    path: Path
    why: str


class FileChanged(InputError):
    """{path} changed while it was being sent, so nothing was completed. Run the command again when the
    file is at rest."""

    path: Path


class FileInUse(InputError):
    """Another process is already sending {path}. Wait for it, or stop it, then run the command again."""

    path: Path


class NotFound(SleapRtcError):
    """There is no {what} (or you have no access to it)."""

    exit_code = ExitCode.NOT_FOUND
    what: str


class Unreachable(SleapRtcError):
    """{where} does not answer ({why}). Check that it is running and that the address is right."""

    exit_code = ExitCode.UNREACHABLE
    where: str
    why: str


class DiskFull(SleapRtcError):
    """The disk that holds {path} is full: {needed_bytes:,} bytes are needed, {free_bytes:,} are free.
    Make room and run the command again."""

    exit_code = ExitCode.DISK_FULL
    path: Path
    needed_bytes: int
    free_bytes: int


class IntegrityError(SleapRtcError):
    """{what} does not match its checksum: expected {expected}, found {found}. The bytes were altered after
    they were sent; nothing was kept. Upload it again."""

    exit_code = ExitCode.INTEGRITY
    what: str
    expected: str
    found: str


class ObjectChanged(IntegrityError):
    """{what} was replaced in the store after its upload was completed ({found} instead of {expected}), so
    it is refused. Upload it again."""


class Refused(SleapRtcError):
    """{where} refused the request: {why}."""

    exit_code = ExitCode.REFUSED
    where: str
    why: str


class TransferFailed(SleapRtcError):
    """The transfer of {what} stopped: {why}. What was acknowledged is kept: run the same command again to
    go on from there."""

    exit_code = ExitCode.INTERRUPTED
    what: str
    why: str


class StoreError(SleapRtcError):
    """{message}"""


class PreconditionFailed(StoreError):
    """{key} is not in the expected state: somebody else wrote it first."""

    key: str


class WriteConflict(StoreError):
    """Two writers met at {key}; the same write may be tried again."""

    key: str
