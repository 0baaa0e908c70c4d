"""Adapter: unpacks zip files that others have made.

Nothing is written before every entry has been checked: names that leave the folder, links, devices, names
that collide on other systems, and bombs are refused.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import DiskFull, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_ENTRIES = 10_000
MOST_BYTES = 1 << 40
MOST_RATIO = 200
_RATIO_COUNTS_FROM = 64 * 1024 * 1024
_WINDOWS_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$")


class ArchiveRefused(InputError):
    """{name} cannot be unpacked: {why}."""

    name: str
    why: str


def unpack_zip(archive: Path, into: Path) -> None:
    """Unpack a zip file into an empty folder; every entry's CRC is verified as it is written.

    Raises:
        ArchiveRefused: it is no zip file, or it is not safe to unpack.
        DiskFull: there is no room for it.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check(archive.name, entries)
            needed = sum(entry.file_size for entry in entries)
            free = shutil.disk_usage(into).free
            if needed > free:
                raise DiskFull(path=into, needed_bytes=needed, free_bytes=free)
            for entry in entries:
                opened.extract(entry, into)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ArchiveRefused(
            name=archive.name, why=f"it is not a zip file that can be read ({error})"
        ) from error


def _check(name: str, entries: Sequence[zipfile.ZipInfo]) -> None:
    why = _trouble(entries) or next(filter(None, map(_trouble_with, entries)), "")
    if why:
        raise ArchiveRefused(name=name, why=why)


def _trouble(entries: Sequence[zipfile.ZipInfo]) -> str:
    """Return what is wrong with all entries together."""
    if len(entries) > MOST_ENTRIES:
        return f"it has {len(entries):,} entries, more than {MOST_ENTRIES:,}"
    seen: set[str] = set()
    for entry in entries:
        folded = entry.filename.rstrip("/").casefold()
        if folded in seen:
            return f"two entries are called {entry.filename!r} on some systems"
        seen.add(folded)
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if size > MOST_BYTES or (size > _RATIO_COUNTS_FROM and size > MOST_RATIO * max(packed, 1)):
        return f"it would unpack to {size:,} bytes from {packed:,}"
    return ""


def _trouble_with(entry: zipfile.ZipInfo) -> str:
    if not _is_safe(entry.filename):
        return f"the entry name {entry.filename!r} is not safe"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return f"{entry.filename!r} is a link or a device"
    return ""


def _is_safe(name: str) -> bool:
    steps = PurePosixPath(name).parts
    return not (
        not steps
        or ".." in steps
        or name.startswith("/")
        or "\\" in name
        or bool(PureWindowsPath(name).drive)
        or any(ord(letter) < ord(" ") for letter in name)
        or any(_WINDOWS_DEVICE.match(step) for step in steps)
    )
