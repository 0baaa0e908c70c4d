"""Adapter: copies what a running engine could go on from, out of its way, and puts it where one finds it.

    models/<run>/
    ├── last.ckpt       the training after its last epoch: what it takes to go on
    └── best.ckpt       the best model so far, where the engine looks for it beside
    .resume/            the same two files of an earlier attempt, outside the folder that the run writes into

An engine replaces them while they are read; a copy counts if none of them changed meanwhile.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.manifest import ModelFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Row = dict[str, Any]
LAST = "last.ckpt"
CURVE = "curve.json"
FILES = (LAST, "best.ckpt")
RESUME_FOLDER = ".resume"
_MOST_TRIES = 5


def copy_run(run: Path, into: Path) -> list[Path]:
    """Copy a run's files as they are at one time; nothing where there is no checkpoint, or none that stands
    still. Raises OSError."""
    into.mkdir(exist_ok=True)
    for _ in range(_MOST_TRIES):
        before = _seen(run)
        if LAST not in before:
            return []
        try:
            copies = [shutil.copyfile(run / name, into / name) for name in before]
        except FileNotFoundError:
            continue
        if _seen(run) == before:
            return copies
    return []


def _seen(run: Path) -> Mapping[str, tuple[int, int, int]]:
    seen = {}
    for name in FILES:
        try:
            now = (run / name).stat()
        except FileNotFoundError:
            continue
        if now.st_size:
            seen[name] = (now.st_ino, now.st_size, now.st_mtime_ns)
    return seen


def described(path: Path) -> ModelFile:
    """Return name, size and CRC64NVME of a file. Raises OSError."""
    with path.open("rb") as stream:
        crc, size = crc_of_stream(stream)
    return ModelFile(name=path.name, size_bytes=size, checksum=to_text(crc))


def write_curve(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write what was measured of each epoch so far. Raises OSError."""
    path = folder / CURVE
    path.write_text(json.dumps(list(rows)), encoding="utf-8")
    return path


def read_curve(folder: Path) -> tuple[Row, ...]:
    """Return what was measured of each epoch. Raises OSError, and ValueError where it is none."""
    rows = json.loads((folder / CURVE).read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _epoch(row) for row in rows):
        raise ValueError("its curve is none")
    return tuple(rows)


def _epoch(row: Row) -> bool:
    return isinstance(row.get("epoch"), int)


def joined(earlier: Sequence[Row], rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the epochs of an earlier attempt and of the one that went on from it, each once.

    What the later one did again counts; so does what it did of an epoch that was cut.
    """
    first = min((row["epoch"] for row in rows), default=None)
    kept = [row for row in earlier if first is None or row["epoch"] < first]
    return (*kept, *rows)
