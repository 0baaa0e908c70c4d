"""Adapter: files that a command made, on this machine's disk."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def save_file(path: Path, content: bytes) -> Path:
    """Write a file where nothing is yet, and return where that is: beside what has this name already.

    Raises:
        InputError: it cannot be written.
    """
    for number in count(2):
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            path = path.with_name(f"{path.stem.removesuffix(f'-{number - 1}')}-{number}{path.suffix}")
        except OSError as error:
            raise InputError(message=f"{path} cannot be written: {error.strerror}.") from error
        else:
            break
    return path
