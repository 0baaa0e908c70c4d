"""Adapter: whether a model's files are what they have to be.

A file whose size and time of last change are those that were noted when its contents were read is believed.
One that was touched since is read again, unless the caller only wants to look.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from sleap_rtc.client.file_notes import CHECKPOINT_SUFFIXES
from sleap_rtc.storage.checksum import crc_of_stream, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sleap_rtc.client.file_notes import FileNote

_CHECKPOINT_DEPTH = 2  # the existing tool's


class Reading(Enum):
    """Which files to read."""

    NONE = "none"
    TOUCHED = "touched"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a check.

    Args:
        notes: those of the files that are right, with the times that they have now.
        wrong: what is wrong with the others, in words.
        unread: files of the right size that were touched and not read.
    """

    notes: tuple[FileNote, ...]
    wrong: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Every file has the contents that it has to have."""
        return not self.wrong and not self.unread


def check_files(folder: Path, notes: Iterable[FileNote], reading: Reading) -> Checked:
    """Compare files in a folder with what is noted of them."""
    right, wrong, unread = [], [], []
    for note in notes:
        try:
            found = _check(folder / note.name, note, reading)
        except FileNotFoundError:
            wrong.append(f"{note.name} is missing")
        except OSError as error:
            wrong.append(f"{note.name} cannot be read ({error.strerror})")
        else:
            if isinstance(found, str):
                wrong.append(found)
            elif found is None:
                unread.append(note.name)
            else:
                right.append(found)
    return Checked(tuple(right), tuple(wrong), tuple(unread))


def has_model(folder: Path) -> bool:
    """Tell whether a folder has a checkpoint in it, as deep as the existing tool looks for one."""
    if not folder.is_dir():
        return False
    level = "*"
    for _ in range(_CHECKPOINT_DEPTH + 1):
        if any(path.suffix in CHECKPOINT_SUFFIXES and path.is_file() for path in folder.glob(level)):
            return True
        level = f"*/{level}"
    return False


def _check(path: Path, note: FileNote, reading: Reading) -> FileNote | str | None:
    """Return the note with the file's time, what is wrong with it, or None if only reading could tell."""
    with path.open("rb") as stream:
        # Of the open file, so that one that is replaced meanwhile is not noted with the new one's time.
        before = os.fstat(stream.fileno())
        if before.st_size != note.size_bytes:
            return f"{note.name} has {before.st_size:,} bytes instead of {note.size_bytes:,}"
        if before.st_mtime_ns == note.mtime_ns and reading is not Reading.ALL:
            return note
        if reading is Reading.NONE:
            return None
        crc, _ = crc_of_stream(stream)
    if to_text(crc) != note.checksum:
        return f"{note.name} was changed"
    return replace(note, mtime_ns=before.st_mtime_ns)
