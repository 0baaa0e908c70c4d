"""Pure: CRC64NVME, the checksum that S3 keeps for a whole object however it was cut into parts.

The CRCs of neighbouring pieces combine into the CRC of the whole without a second read (awscrt, the library
that the AWS SDKs use). As text a checksum reads `crc64nvme:<base64 of the big-endian 64-bit value>`, the
part after the colon being what S3 sends in `x-amz-checksum-crc64nvme`.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from awscrt import checksums

from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

ALGORITHM = "crc64nvme"
SLICE_BYTES = 256 * 1024


def crc64nvme(data: bytes | memoryview, previous: int = 0) -> int:
    """Return the CRC of `data`, or of what came before it and `data`."""
    return int(checksums.crc64nvme(data, previous))


def combine(pieces: Iterable[tuple[int, int]]) -> int:
    """Return the CRC of the concatenation of pieces given as (crc, length in bytes)."""
    total = 0
    for crc, length in pieces:
        total = int(checksums.combine_crc64nvme(total, crc, length))
    return total


def crc_of_stream(stream: BinaryIO, length: int | None = None) -> tuple[int, int]:
    """Read up to `length` bytes (or to the end) and return (crc, bytes read)."""
    buffer = memoryview(bytearray(SLICE_BYTES))
    crc = read = 0
    while length is None or read < length:
        wanted = SLICE_BYTES if length is None else min(SLICE_BYTES, length - read)
        count = stream.readinto(buffer[:wanted])  # type: ignore[attr-defined] # every binary stream has it
        if not count:
            break
        crc = crc64nvme(buffer[:count], crc)
        read += count
    return crc, read


def to_header(crc: int) -> str:
    """Return the value as S3 writes it in a header: base64 of eight big-endian bytes."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode("ascii")


def from_header(text: str) -> int:
    """Read a value as S3 writes it.

    Raises:
        InputError: the text is not base64 of eight bytes.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 8:  # noqa: PLR2004 - 64 bits
        raise InputError(message=f"{text!r} is not a CRC64NVME checksum (base64 of eight bytes).")
    return int.from_bytes(raw, "big")


def to_text(crc: int) -> str:
    """Return `crc64nvme:<base64>`."""
    return f"{ALGORITHM}:{to_header(crc)}"


def from_text(text: str) -> int:
    """Read `crc64nvme:<base64>`.

    Raises:
        InputError: another algorithm, or not a checksum at all.
    """
    algorithm, _, value = text.partition(":")
    if algorithm != ALGORITHM:
        raise InputError(message=f"{text!r} is not a checksum that starts with {ALGORITHM}:")
    return from_header(value)
