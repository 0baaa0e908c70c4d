"""Pure: what a registry's entry says about a model's files.

    "files": [{"name": "best.ckpt", "size_bytes": 9, "checksum": "crc64nvme:…", "mtime_ns": 1764…}]

The existing tool leaves the field alone. The time of the last change is noted when the contents were read and
had the checksum, so that a file with the same size and time need not be read again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.keys import is_file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sleap_rtc.storage.manifest import ModelFile

CHECKPOINT_SUFFIXES = (".ckpt", ".h5", ".pth", ".pt")


@dataclass(frozen=True, slots=True)
class FileNote:
    """What one file of a model has to be. `mtime_ns` is None if nobody has read the file on this machine."""

    name: str
    size_bytes: int
    checksum: str
    mtime_ns: int | None = None


def notes_of_entry(entry: Mapping[str, Any]) -> tuple[FileNote, ...]:
    """Return what an entry notes; nothing if it has no notes or they make no sense."""
    try:
        notes = tuple(FileNote(**fields) for fields in entry["files"])
    except (KeyError, TypeError):
        return ()
    return notes if all(map(_makes_sense, notes)) else ()


def notes_of_files(files: Iterable[ModelFile]) -> tuple[FileNote, ...]:
    """Return what a room says about a model's files."""
    return tuple(FileNote(file.name, file.size_bytes, file.checksum) for file in files)


def to_entry(notes: Iterable[FileNote]) -> list[dict[str, Any]]:
    """Return notes as the entry's field has them."""
    return [asdict(note) for note in notes]


def checkpoint_of(names: Iterable[str]) -> str | None:
    """Return which of a model's files holds the weights: the best, if there are several."""
    checkpoints = [name for name in names if name.endswith(CHECKPOINT_SUFFIXES)]
    return min(checkpoints, key=lambda name: (not name.startswith("best."), name), default=None)


def _makes_sense(note: FileNote) -> bool:
    texts = isinstance(note.name, str) and isinstance(note.checksum, str)
    numbers = isinstance(note.size_bytes, int) and isinstance(note.mtime_ns, int | None)
    return texts and numbers and is_file_name(note.name)
