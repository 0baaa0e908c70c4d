"""Pure: the binary frames on `bulk` by which a peer answers what `file_requests` ask for.

    0        1        2        4                 8                                16
    | version| kind   | 0      | request id      | offset                         | payload, to the end

    HEADER   offset: size of the file               payload: length of what follows, 8 bytes
    DATA     offset: of its first byte              payload: 1 to 16,368 bytes
    END      offset: behind the last byte           payload: CRC64NVME of what was sent, 8 bytes
    REFUSED  offset: 0                              payload: JSON {"code", "why"}; nothing follows

Numbers are big-endian. A frame has at most 16 KiB, which every WebRTC engine takes in one message. Offsets
are those of the bytes in the file; where checksums were asked for, of the bytes in their list.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum

VERSION = 1
MOST_FRAME_BYTES = 16 * 1024
LARGEST_ID = 2**32 - 1
LARGEST_OFFSET = 2**64 - 1

_PREFIX = struct.Struct(">BBHIQ")
_NUMBER = struct.Struct(">Q")
HEADER_BYTES = _PREFIX.size
MOST_DATA_BYTES = MOST_FRAME_BYTES - HEADER_BYTES
_MOST_WHY_CHARACTERS = 1000


class Kind(IntEnum):
    """The kinds of frame."""

    HEADER = 1
    DATA = 2
    END = 3
    REFUSED = 4


@dataclass(frozen=True)
class Header:
    """An answer begins: how large the file is, and how many bytes follow."""

    id: int
    size_bytes: int
    length: int


@dataclass(frozen=True)
class Data:
    """Bytes, and where they belong."""

    id: int
    offset: int
    payload: bytes | memoryview


@dataclass(frozen=True)
class End:
    """An answer is whole: where it ends, and the CRC64NVME of its bytes."""

    id: int
    offset: int
    crc: int


@dataclass(frozen=True)
class Refusal:
    """There is no answer, or no more of it; `code` is for programs, `why` for people."""

    id: int
    code: str
    why: str


Frame = Header | Data | End | Refusal


class FrameUnreadable(ValueError):
    """A frame is none; the text says why."""


def encode(frame: Frame) -> bytes:
    """Return the frame as it is sent.

    Raises:
        ValueError: a number or the payload is out of bounds.
    """
    try:
        match frame:
            case Header(id_, size_bytes, length):
                return _PREFIX.pack(VERSION, Kind.HEADER, 0, id_, size_bytes) + _NUMBER.pack(length)
            case Data(id_, offset, payload):
                if not 1 <= len(payload) <= MOST_DATA_BYTES:
                    raise ValueError(f"a data frame of {len(payload)} bytes")
                return b"".join((_PREFIX.pack(VERSION, Kind.DATA, 0, id_, offset), payload))
            case End(id_, offset, crc):
                return _PREFIX.pack(VERSION, Kind.END, 0, id_, offset) + _NUMBER.pack(crc)
            case Refusal(id_, code, why):
                told = json.dumps({"code": code[:64], "why": why[:_MOST_WHY_CHARACTERS]})
                return _PREFIX.pack(VERSION, Kind.REFUSED, 0, id_, 0) + told.encode()
    except struct.error as error:
        raise ValueError(str(error)) from error


def decode(raw: bytes) -> Frame:
    """Read a frame.

    Raises:
        FrameUnreadable: it is none of this version.
    """
    if not _PREFIX.size <= len(raw) <= MOST_FRAME_BYTES:
        raise FrameUnreadable(f"a frame of {len(raw)} bytes")
    version, kind, zero, id_, offset = _PREFIX.unpack_from(raw)
    if version != VERSION or zero:
        raise FrameUnreadable(f"a frame of version {version}")
    payload = memoryview(raw)[_PREFIX.size :]
    match kind:
        case Kind.HEADER:
            return Header(id_, offset, _number(payload))
        case Kind.DATA if payload:
            return Data(id_, offset, payload)
        case Kind.END:
            return End(id_, offset, _number(payload))
        case Kind.REFUSED:
            return _refusal(id_, bytes(payload))
    raise FrameUnreadable(f"a frame of kind {kind} with {len(payload)} bytes")


def _number(payload: memoryview) -> int:
    if len(payload) != _NUMBER.size:
        raise FrameUnreadable(f"a number of {len(payload)} bytes")
    return int(_NUMBER.unpack(payload)[0])


def _refusal(id_: int, payload: bytes) -> Refusal:
    try:
        match json.loads(payload):
            case {"code": str(code), "why": str(why)}:
                return Refusal(id_, code, why)
    except (ValueError, RecursionError):
        pass
    raise FrameUnreadable("a refusal without code and why")
