"""Orchestration: one object, read in parallel ranges, verified, and put in place whole or not at all.

What a cut leaves behind, and how the next run goes on from it, is `partial_file`'s matter.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Final

from sleap_rtc.storage.checksum import combine, to_text
from sleap_rtc.storage.errors import IntegrityError, ObjectChanged
from sleap_rtc.storage.http_transfer import RangeSoFar, get_range
from sleap_rtc.storage.part_commands import Signed
from sleap_rtc.storage.part_crew import PartCrew
from sleap_rtc.storage.part_machine import PartMachine
from sleap_rtc.storage.part_plan import PREFERRED_PART_BYTES, plan_ranges
from sleap_rtc.storage.partial_file import ObjectFacts, PartialFile
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_record import TransferRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sleap_rtc.storage.bandwidth import Throttle
    from sleap_rtc.storage.lane import Lane
    from sleap_rtc.storage.part_commands import MovePart, SignParts
    from sleap_rtc.storage.part_plan import PartPlan
    from sleap_rtc.storage.retry import Failure
    from sleap_rtc.storage.stop_signal import StopSignal


@dataclass(frozen=True)
class RemoteObject:
    """What is to be downloaded: how it is called in messages, and what it must turn out to be.

    `signed_url` is called for a fresh URL whenever one is needed. Whoever brings a part of it, the store or a
    peer, brings whole ranges of one `plan`.
    """

    name: str
    size_bytes: int
    etag: str
    checksum: str
    signed_url: Callable[[], str]
    range_bytes: int = PREFERRED_PART_BYTES

    @property
    def plan(self) -> PartPlan:
        """Its ranges, none of them shorter than `range_bytes` but the last."""
        return plan_ranges(self.size_bytes, self.range_bytes)


def download(
    source: RemoteObject,
    target: Path,
    *,
    threads: int = 10,
    throttle: Throttle | None = None,
    on_progress: ProgressHook = no_progress,
    stop: StopSignal | None = None,
    traffic: Traffic = SILENT,
    brought_bytes: int = 0,
) -> None:
    """Bring an object to `target`, verified; go on from what an earlier run brought of the same object.

    Args:
        source: what.
        target: where to; its folder is made.
        threads: upper bound of the ranges under way at once.
        throttle: holds the download to a rate.
        on_progress: called as ranges are verified.
        stop: ends the download where it is; what was verified is kept.
        traffic: is told of requests and bytes.
        brought_bytes: of what is there already, what this run brought by another way, and no earlier one.

    Raises:
        DiskFull: there is no room for it; nothing is left behind.
        ObjectChanged: the store holds another version than the one named; nothing is left behind.
        IntegrityError: the bytes do not have the expected checksum; nothing is left behind.
        TransferFailed: the network or the store would not deliver, or `stop` was set; what was
            verified is kept.
    """
    plan = source.plan
    facts = ObjectFacts(source.size_bytes, source.etag, source.checksum)
    record = TransferRecord("download", traffic, stop, resumed_bytes=-brought_bytes)
    with record, PartialFile(target, facts, plan.part_size_bytes) as partial, ExitStack() as files:
        file = files.enter_context(partial.path.open("r+b", buffering=0))
        ranges = _Ranges(source, plan, partial, file, traffic, record)
        crc = ranges.run(threads, throttle, on_progress, stop) if source.size_bytes else 0
        found = to_text(crc)
        if found != source.checksum:
            raise IntegrityError(what=source.name, expected=source.checksum, found=found)
        files.close()
        partial.publish()


@dataclass(frozen=True)
class Range:
    """A range that is in its place in the file."""

    number: int
    length: int
    crc: int


class _CannotWrite(Exception):
    """The disk, not the network: an OSError under a name of its own."""

    def __init__(self, why: OSError) -> None:
        super().__init__(why)
        self.why = why


class _Ranges:
    """The ranges of one download."""

    direction: Final = "download"

    def __init__(
        self,
        source: RemoteObject,
        plan: PartPlan,
        partial: PartialFile,
        file: BinaryIO,
        traffic: Traffic,
        record: TransferRecord,
    ) -> None:
        self._source = source
        self._plan = plan
        self._partial = partial
        self._file = file
        self._traffic = traffic
        self._record = record
        self._writing = threading.Lock()
        self._so_far: dict[int, RangeSoFar] = {}
        self._url = ""
        self._signed: set[int] = set()
        self._on_progress: ProgressHook = no_progress
        self._resumed_bytes = 0

    def run(
        self, threads: int, throttle: Throttle | None, on_progress: ProgressHook, stop: StopSignal | None
    ) -> int:
        """Fetch what is missing and return the CRC of the whole."""
        done = [
            Range(number, self._plan.part(number).length, crc)
            for number, crc in self._partial.verified.items()
        ]
        machine = PartMachine[Range](self._plan, done, most=threads, race=False, now=time.monotonic())
        self._on_progress, self._resumed_bytes = GuardedHook(on_progress), machine.done_bytes
        self._record.resumed_bytes += machine.done_bytes
        self._report(machine.done_bytes)
        name, hook = self._source.name, self._traffic.hook
        ranges = PartCrew(name, machine, self, threads, throttle, stop, hook).run()
        return combine((each.crc, each.length) for each in ranges)

    def sign(self, command: SignParts) -> Mapping[int, Signed]:
        """Return the URL for these ranges, a fresh one if any of them was refused with the last."""
        numbers = {part.number for part in command.parts}
        if not self._url or numbers & self._signed:
            self._url, self._signed = self._source.signed_url(), set()
        self._signed |= numbers
        return dict.fromkeys(numbers, Signed(self._url))

    def move(self, lane: Lane, command: MovePart) -> Range | Failure:
        """Fetch what is missing of one range."""
        part, source = command.part, self._source
        so_far = self._so_far.setdefault(part.number, RangeSoFar())
        try:
            failure = get_range(
                lane, command.signed.url, source.etag, part, source.size_bytes, so_far, self._write
            )
        except _CannotWrite as error:
            raise error.why from error
        if failure is None:
            return Range(part.number, part.length, so_far.crc)
        if failure.status == HTTPStatus.PRECONDITION_FAILED:
            raise ObjectChanged(what=source.name, expected=f"ETag {source.etag}", found="another one")
        return failure

    def keep(self, part: Range, done_bytes: int) -> None:
        """Remember a range that is in its place."""
        self._partial.record(part.number, part.length, part.crc)
        self._traffic.moved("download", part.length)
        self._record.moved_bytes += part.length
        self._report(done_bytes)

    def stand_still(self, done_bytes: int, why: str) -> None:
        """Say why nothing moves."""
        self._report(done_bytes, why)

    def still_whole(self) -> None:
        """Nothing can make a download pointless that its requests would not tell."""

    def _write(self, data: memoryview, offset: int) -> None:
        # One writer at a time: threads that meet in the kernel on one file spin there for the same lock.
        with self._writing:
            self._file.seek(offset)
            left = data
            try:
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                raise _CannotWrite(error) from error

    def _report(self, done_bytes: int, trouble: str = "") -> None:
        self._on_progress(TransferProgress(done_bytes, self._plan.size_bytes, self._resumed_bytes, trouble))
