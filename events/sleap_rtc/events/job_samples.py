"""Pure: what the picture that a trainer drew of its predictions has to be, wherever it comes in."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from sleap_rtc.storage.errors import InputError

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,123}\.png$"
SampleName = Annotated[str, Field(pattern=_NAME)]
LARGEST_SAMPLE_BYTES = 4 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
"""The first eight bytes (PNG specification, 5.2)."""


def check_sample(name: str, content: bytes) -> None:
    """Look whether it is a PNG that is not too large and has a name for it.

    Raises:
        InputError: it is not.
    """
    if not re.fullmatch(_NAME, name):
        raise InputError(message=f"{name[:128]!r} is not a name that a sample can have.")
    if not content.startswith(_PNG):
        raise InputError(message=f"{name} is not a PNG, so it was not kept.")
    if len(content) > LARGEST_SAMPLE_BYTES:
        sizes = f"it has {len(content):,} bytes and may have {LARGEST_SAMPLE_BYTES:,}"
        raise InputError(message=f"{name} is too large ({sizes}), so it was not kept.")
