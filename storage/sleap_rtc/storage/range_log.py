"""Adapter: which ranges of a partial file are verified, in a file beside it, one JSON object a line.

    {"version":1,"size_bytes":…,"etag":…,"checksum":…,"part_size_bytes":…}    the object, and how it is cut
    {"number":3,"length":8388608,"crc":…}                                     a verified range, as it comes

Lines are appended without a sync: a killed process does not lose them, and what a power cut makes of them is
told by the CRCs, which are compared with the bytes before a range counts. A torn last line is ignored. The
lines are checked by hand: a download is not to wait for a library that does it.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.part_plan import PartPlan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO
    from pathlib import Path


@dataclass(frozen=True)
class LogHeader:
    """The first line: two partial files with the same one hold bytes of the same ranges of one object."""

    size_bytes: int
    etag: str
    checksum: str
    part_size_bytes: int
    version: int = 1

    @property
    def plan(self) -> PartPlan:
        """Where the ranges lie."""
        return PartPlan(self.size_bytes, self.part_size_bytes)


class RangeLog:
    """The log that one process writes. Reading is for those that come after it: `claims`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: FileIO | None = None

    def begin(self, header: LogHeader, ranges: Mapping[int, int]) -> None:
        """Start over, with ranges (part number to CRC) that an earlier process recorded."""
        self.close()
        lines = [_range_line(n, header.plan.part(n).length, crc) for n, crc in ranges.items()]
        self.path.write_bytes(b"".join([_line(asdict(header)), *lines]))
        self._file = self.path.open("ab", buffering=0)

    def record(self, number: int, length: int, crc: int) -> None:
        """Append a range; may be called from several threads."""
        with self._lock:
            if self._file is None:
                raise AssertionError("the log is closed")
            self._file.write(_range_line(number, length, crc))

    def close(self) -> None:
        """Let go of the file, which Windows neither renames nor removes while it is open."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def claims(path: Path, header: LogHeader) -> dict[int, int]:
    """Return the ranges (part number to CRC) that a log claims; none if it is not of the same object."""
    try:
        first, *rest = path.read_bytes().rpartition(b"\n")[0].split(b"\n")
        if json.loads(first) != asdict(header):
            return {}
    except (OSError, ValueError):
        return {}
    found = {}
    for text in rest:
        with suppress(ValueError, TypeError, LookupError):
            number, length, crc = itemgetter("number", "length", "crc")(json.loads(text))
            if header.plan.part(number).length == length and 0 <= crc < 2**64:
                found[number] = crc
    return found


def _range_line(number: int, length: int, crc: int) -> bytes:
    return _line({"number": number, "length": length, "crc": crc})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
