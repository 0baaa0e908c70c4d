"""Adapter: packages in the folder that the workers see, too, which stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.shared_dataset import SharedDataset
from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.errors import FileMissing, FileUnreadable, InputError
from sleap_rtc.storage.file_checksum import crc_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.storage.progress import ProgressHook


def place_in(folder: Path | None, path: Path) -> str:
    """Return where a file lies below the shared folder, in POSIX spelling; "" if it does not."""
    if folder is None:
        return ""
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except (ValueError, OSError):
        return ""


def shared_dataset(path: Path, place: str, on_progress: ProgressHook) -> SharedDataset:
    """Return what is to be said of a file at that place below the shared folder; it is read once.

    Raises:
        FileMissing, FileUnreadable: it cannot be read.
        InputError: it is empty, or its name is none that all systems have.
    """
    try:
        crc, size_bytes = crc_of_file(path, on_progress)
    except FileNotFoundError as error:
        raise FileMissing(path=path) from error
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror or str(error)) from error
    try:
        return SharedDataset(path=place, size_bytes=size_bytes, checksum=to_text(crc))
    except ValueError as error:
        raise InputError(
            message=f"{path} cannot be read where it lies: it is empty, or other systems have no such name. "
            "Say --force-transport s3."
        ) from error
