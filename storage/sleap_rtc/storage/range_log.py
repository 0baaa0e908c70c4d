"""Adapter: which ranges of a partial file are verified, in a file beside it, one JSON object a line.

    {"version":1,"size_bytes":…,"etag":…,"checksum":…,"part_size_bytes":…}    the object, and how it is cut
    {"number":3,"length":8388608,"crc":…}                                     a verified range, as it comes

Lines are appended without a sync: a killed process does not lose them, and what a power cut makes of them is
told by the CRCs, which are compared with the bytes before a range counts. A torn last line is ignored.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from sleap_rtc.storage.part_plan import PartPlan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO
    from pathlib import Path


class LogHeader(BaseModel):
    """The first line: two partial files with the same one hold bytes of the same ranges of one object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    size_bytes: int
    etag: str
    checksum: str
    part_size_bytes: int

    @property
    def plan(self) -> PartPlan:
        """Where the ranges lie."""
        return PartPlan(self.size_bytes, self.part_size_bytes)


class _RangeLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    length: int
    crc: int


class RangeLog:
    """The log that one process writes. Reading is for those that come after it: `claims`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: FileIO | None = None

    def begin(self, header: LogHeader, ranges: Mapping[int, int]) -> None:
        """Start over, with ranges (part number to CRC) that an earlier process recorded."""
        self.close()
        plan = header.plan
        lines = [_RangeLine(number=n, length=plan.part(n).length, crc=crc) for n, crc in ranges.items()]
        text = "".join(f"{line.model_dump_json()}\n" for line in (header, *lines))
        self.path.write_bytes(text.encode())
        self._file = self.path.open("ab", buffering=0)

    def record(self, number: int, length: int, crc: int) -> None:
        """Append a range; may be called from several threads."""
        line = f"{_RangeLine(number=number, length=length, crc=crc).model_dump_json()}\n"
        with self._lock:
            if self._file is None:
                raise AssertionError("the log is closed")
            self._file.write(line.encode())

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
        if LogHeader.model_validate_json(first) != header:
            return {}
    except (OSError, ValidationError):
        return {}
    found = {}
    for text in rest:
        with suppress(ValidationError, IndexError):
            line = _RangeLine.model_validate_json(text)
            if header.plan.part(line.number).length == line.length:
                found[line.number] = line.crc
    return found
