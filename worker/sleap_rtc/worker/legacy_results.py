"""Adapter: the zip file that a client of the existing tool gets: one folder for each model.

trained_<package>.zip
└── <job>/best.ckpt, training_config.yaml, …
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OLDEST = (1980, 1, 1, 0, 0, 0)
_COPIED_BYTES = 1024 * 1024


def zip_results(target: Path, folders: Iterable[Path]) -> Path:
    """Write folders into a zip file, each under its own name; links are left out.

    Raises:
        OSError: the disk does not take it.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    _add(archive, path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
    return target


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _OLDEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as sink:
        while piece := source.read(_COPIED_BYTES):
            sink.write(piece)
