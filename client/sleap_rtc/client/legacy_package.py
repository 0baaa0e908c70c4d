"""Adapter: a package as a worker of the existing tool needs it.

That worker unpacks `X.zip` and looks for `X/train-script.sh` or `X/track-script.sh`, X being the name that it
was told. So the file is announced under the name of the folder in it, and one that has its files at the top
is packed once more.
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import LegacyFileRefused
from sleap_rtc.live.legacy_file import checked_name
from sleap_rtc.live.legacy_frames import TRACK, TRAIN
from sleap_rtc.storage.errors import FileMissing, InputError

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = {TRAIN: "train-script.sh", TRACK: "track-script.sh"}
ENDING = ".zip"


class PackageUnusable(InputError):
    """{path} is no package that a worker can use: {why}."""

    path: Path
    why: str


@dataclass(frozen=True)
class LegacyPackage:
    """A file to be sent, and under which name.

    Attributes:
        path: where it lies.
        name: as it is announced.
        kind: `train` or `track`.
    """

    path: Path
    name: str
    kind: str

    @property
    def results_name(self) -> str:
        """How the existing worker calls the results of a training."""
        return f"trained_{self.name}"


def legacy_package(path: Path, kind: str, folder: Path) -> LegacyPackage:
    """Return a package as it can be sent.

    Args:
        path: a zip file.
        kind: `train` or `track`.
        folder: where it is packed once more if that is needed.

    Raises:
        FileMissing: there is none.
        PackageUnusable: it is no zip file, or lacks the script.
    """
    script = SCRIPTS[kind]
    try:
        with zipfile.ZipFile(path) as opened:
            names = opened.namelist()
    except FileNotFoundError as error:
        raise FileMissing(path=path) from error
    except (zipfile.BadZipFile, OSError) as error:
        raise PackageUnusable(path=path, why=f"it is not a zip file that can be read ({error})") from error
    places = [PurePosixPath(name).parent for name in names if PurePosixPath(name).name == script]
    if not places:
        raise PackageUnusable(path=path, why=f"it has no {script}")
    place = min(places, key=lambda found: len(found.parts))
    if len(place.parts) > 1:
        raise PackageUnusable(path=path, why=f"its {script} lies deeper than in its first folder, at {place}")
    if place.parts:
        return LegacyPackage(path, _wire_name(path, place.name), kind)
    name = _wire_name(path, path.stem)
    return LegacyPackage(_in_a_folder(path, folder / name), name, kind)


def _wire_name(path: Path, stem: str) -> str:
    try:
        return checked_name(f"{stem}{ENDING}")
    except LegacyFileRefused as error:
        raise PackageUnusable(path=path, why=error.why) from error


def _in_a_folder(path: Path, target: Path) -> Path:
    """Pack a zip file once more, with all its entries in a folder that is called like it."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as packed:
        for entry in source.infolist():
            if entry.is_dir():
                continue
            moved = zipfile.ZipInfo(f"{target.stem}/{entry.filename}", entry.date_time)
            moved.compress_type = entry.compress_type
            moved.external_attr = entry.external_attr
            with source.open(entry) as read, packed.open(moved, "w", force_zip64=True) as write:
                shutil.copyfileobj(read, write, 1024 * 1024)
    return target
