"""Adapter: the temporary file of a download, which a later process can go on with.

    model.zip.<process tag>.part           pre-sized; ranges are written in place by others
    model.zip.<process tag>.part.ranges    what of it is verified (`range_log.py`)
    model.zip                              appears by a sync and an atomic rename

Nothing rests on locks, which network file systems leave out or merely pretend: a name carries the tag of the
one process that writes there. What a dead process left of the same object is taken over by renaming the
`.part` to a name of our own, which one of several processes achieves. Its `.ranges` is copied to our name
before that, so there is no instant at which a `.part` is parted from its list:

    before the rename    the dead pair is as it was; our copy is a list without a file, which means nothing
    after the rename     our pair is whole; the dead list is one without a file

A list only claims: every range is read again and its CRC compared before it counts.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sleap_rtc.storage.checksum import crc_of_stream
from sleap_rtc.storage.errors import DiskFull, IntegrityError, TransferFailed
from sleap_rtc.storage.process_tag import PATTERN, in_force, process_tag
from sleap_rtc.storage.range_log import LogHeader, RangeLog, claims

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_OFFERED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
# A name has at most 255 bytes nearly everywhere; a tag with the longest host name of Linux takes 110.
_LONGEST_STEM_BYTES = 100
_KEPT_OF_LONG_NAME_BYTES = 80


@dataclass(frozen=True)
class ObjectFacts:
    """What tells that a partial file is one of the same object."""

    size_bytes: int
    etag: str
    checksum: str


class PartialFile:
    """A partial file for as long as the context is open: made, or taken over from a dead process.

    Leaving the context without `publish` keeps what is verified for a later process, unless the download
    failed for good: after a full disk, or bytes that are not the expected ones, nothing is left.

    Args:
        target: where the whole file is to appear; its folder is made.
        facts: of which object it is.
        part_size_bytes: how long a range is; the last one is what is left.
    """

    def __init__(self, target: Path, facts: ObjectFacts, part_size_bytes: int) -> None:
        self.path = target
        """The temporary file, once the context is open."""
        self.verified: dict[int, int] = {}
        """Part numbers and CRCs of the ranges that an earlier process brought and that were read again."""
        self._target = target
        self._header = LogHeader(
            size_bytes=facts.size_bytes,
            etag=facts.etag,
            checksum=facts.checksum,
            part_size_bytes=part_size_bytes,
        )
        self._log = RangeLog(target)
        self._in_force = ExitStack()
        self._worth_keeping = False
        self._published = False

    def __enter__(self) -> Self:
        """Make or take over the file, and clear away what else dead processes left for this target.

        Raises:
            DiskFull: there is no room for the whole object; nothing is left.
        """
        self._target.parent.mkdir(parents=True, exist_ok=True)
        tag = self._in_force.enter_context(process_tag())
        self.path, ranges = _paths(self._target, tag)
        self._log = RangeLog(ranges)
        try:
            claimed = self._adopted()
            self._worth_keeping = bool(claimed)
            if not claimed:
                self._log.begin(self._header, {})
                self.path.open("xb").close()
            remove_abandoned(self._target)
            self._reserve()
            self.verified = self._agreeing(claimed)
            self._worth_keeping = bool(self.verified)
        except BaseException as error:
            self._leave(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what a later process can use, or leave nothing.

        Raises:
            DiskFull: in place of the OSError that said so.
        """
        self._leave(error)

    def record(self, number: int, length: int, crc: int) -> None:
        """Note that a range's bytes are in their place; may be called from several threads."""
        self._log.record(number, length, crc)
        self._worth_keeping = True

    def publish(self) -> None:
        """Show the file, which is whole and verified, at its target.

        Raises:
            TransferFailed: somebody removed the partial file.
        """
        try:
            with self.path.open("r+b") as file:
                os.fsync(file.fileno())
            self.path.replace(self._target)
        except FileNotFoundError as error:
            why = f"its partial file {self.path.name} was removed by somebody else"
            raise TransferFailed(what=self._target.name, why=why) from error
        self._published = True
        _sync_folder(self._target.parent)
        self._log.close()
        _remove(self._log.path)
        remove_abandoned(self._target)

    def _adopted(self) -> dict[int, int]:
        """Take over the abandoned file with the most verified bytes; return what its list claims."""
        found = [(data, claims(log, self._header)) for data, log in _abandoned(self._target)]
        for data, claimed in sorted(found, key=lambda left: len(left[1]), reverse=True):
            if claimed and data.exists():
                self._log.begin(self._header, claimed)
                with suppress(OSError):  # another process was faster, or Windows has it open
                    data.rename(self.path)
                if self.path.exists():
                    return claimed
        return {}

    def _reserve(self) -> None:
        """Take the whole object's room on the disk now rather than run out of it in mid-transfer."""
        size = self._header.size_bytes
        needed = size - allocated_bytes(self.path)
        free = shutil.disk_usage(self._target.parent).free
        if needed > free:
            raise DiskFull(path=self._target.parent, needed_bytes=needed, free_bytes=free)
        with self.path.open("r+b") as file:
            if size and hasattr(os, "posix_fallocate"):
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                except OSError as error:
                    if error.errno not in _NOT_OFFERED:
                        raise
            file.truncate(size)

    def _agreeing(self, claimed: dict[int, int]) -> dict[int, int]:
        """Read the claimed ranges again; return those whose bytes have the CRC."""
        plan, agreeing = self._header.plan, {}
        with self.path.open("rb") as file:
            for part in map(plan.part, sorted(claimed)):
                with suppress(OSError):  # a bad sector costs its range
                    file.seek(part.offset)
                    if crc_of_stream(file, part.length) == (claimed[part.number], part.length):
                        agreeing[part.number] = claimed[part.number]
        return agreeing

    def _leave(self, error: BaseException | None) -> None:
        self._log.close()
        full = isinstance(error, OSError) and error.errno in DISK_FULL
        failed_for_good = full or isinstance(error, DiskFull | IntegrityError)
        if not self._published and (failed_for_good or not self._worth_keeping):
            _remove(self.path)
            _remove(self._log.path)
        self._in_force.close()
        if full:
            size, free = self._header.size_bytes, shutil.disk_usage(self._target.parent).free
            raise DiskFull(path=self._target.parent, needed_bytes=size, free_bytes=free) from error


def remove_abandoned(target: Path) -> None:
    """Remove every partial file for a target whose process is dead."""
    for data, log in _abandoned(target):
        _remove(data)
        _remove(log)


def allocated_bytes(path: Path) -> int:
    """Return what a file takes of the disk; its length where the system does not tell."""
    found = path.stat()
    return found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size


def _abandoned(target: Path) -> list[tuple[Path, Path]]:
    """Return where dead processes had partial files and their lists; one of the two may be missing."""
    name = re.compile(rf"{re.escape(_stem(target.name))}\.({PATTERN})\.part(?:\.ranges)?", re.ASCII)
    tags = {found[1] for file in target.parent.iterdir() if (found := name.fullmatch(file.name))}
    return [_paths(target, tag) for tag in sorted(tags) if not in_force(tag)]


def _paths(target: Path, tag: str) -> tuple[Path, Path]:
    data = target.with_name(f"{_stem(target.name)}.{tag}.part")
    return data, data.with_name(f"{data.name}.ranges")


def _stem(name: str) -> str:
    """Return the target's name, shortened where a tag behind it would make it longer than a name may be."""
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) <= _LONGEST_STEM_BYTES:
        return name
    kept = encoded[:_KEPT_OF_LONG_NAME_BYTES].decode("utf-8", "ignore")
    return f"{kept}~{hashlib.sha256(encoded).hexdigest()[:16]}"


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows opens no folder, and needs no such thing
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(file: Path) -> None:
    with suppress(OSError):  # Windows keeps what somebody has open; whoever comes next finds it
        file.unlink(missing_ok=True)
