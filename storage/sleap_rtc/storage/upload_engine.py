"""Orchestration: sends one file in parts over a session, and completes it.

The file is read part by part: once for the CRC, which is signed into the URL, and, from the page cache, as
the body. Its identity is compared before and after, so bytes of two versions are never glued together.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, BinaryIO, Final

from sleap_rtc.storage.checksum import combine, crc_of_stream
from sleap_rtc.storage.errors import FileChanged, FileUnreadable
from sleap_rtc.storage.http_transfer import put_part
from sleap_rtc.storage.part_commands import Signed
from sleap_rtc.storage.part_crew import PartCrew
from sleap_rtc.storage.part_machine import PartMachine
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_record import TransferRecord
from sleap_rtc.storage.upload_session import PartToSign, SentPart, UploadSession
from sleap_rtc.storage.upload_state import FileIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from sleap_rtc.storage.bandwidth import Throttle
    from sleap_rtc.storage.lane import Lane
    from sleap_rtc.storage.part_commands import MovePart, SignParts, Tally
    from sleap_rtc.storage.part_plan import Part, PartPlan
    from sleap_rtc.storage.retry import Failure
    from sleap_rtc.storage.stop_signal import StopSignal


class UploadEngine:
    """Sends one file over one session.

    Args:
        path: the file.
        plan: how it is cut; its size must be the file's.
        session: signs and completes.
        done: parts that the store is known to hold already.
        threads: upper bound of the parts under way at once.
        throttle: holds the upload to a rate.
        on_part: called, one call at a time, for each part that the store acknowledged.
        on_progress: called after each part.
        stop: ends it where it is; the upload stays open.
        traffic: is told of requests and bytes.
    """

    direction: Final = "upload"

    def __init__(
        self,
        path: Path,
        plan: PartPlan,
        session: UploadSession,
        *,
        done: Iterable[SentPart] = (),
        threads: int = 10,
        throttle: Throttle | None = None,
        on_part: Callable[[SentPart], None] = lambda _: None,
        on_progress: ProgressHook = no_progress,
        stop: StopSignal | None = None,
        traffic: Traffic = SILENT,
    ) -> None:
        self._path = path
        self._plan = plan
        self._session = session
        self._machine = PartMachine[SentPart](plan, done, most=threads, race=True, now=time.monotonic())
        self._crew = PartCrew(path.name, self._machine, self, threads, throttle, stop, traffic.hook)
        self._resumed_bytes = self._machine.done_bytes
        self._identity: FileIdentity | None = None
        self._open = threading.local()
        self._on_part = on_part
        self._traffic = traffic
        self._record = TransferRecord("upload", traffic, stop, self._resumed_bytes)
        self._on_progress = GuardedHook(on_progress)

    @property
    def tally(self) -> Tally:
        """What the upload cost beyond its bytes."""
        return self._machine.tally

    def run(self) -> int:
        """Send what is missing, complete the upload and return the CRC64NVME of the whole file.

        Raises:
            FileChanged: the file is not the one that the plan was made for.
            TransferFailed: the store or the network would not take it; the upload stays open.
            NotFound: the upload is gone (aborted or expired).
            IntegrityError: the store found other bytes than were sent.
        """
        with self._record:
            self._identity = FileIdentity.of(self._path)
            if self._identity.size_bytes != self._plan.size_bytes:
                raise FileChanged(path=self._path)
            self._report(self._resumed_bytes)
            parts = self._crew.run()
            self.still_whole()
            crc = combine((part.crc, part.length) for part in parts)
            self._session.complete(parts, crc)
            return crc

    def sign(self, command: SignParts) -> Mapping[int, Signed]:
        """Take the CRCs of some parts and have URLs signed for them."""
        crcs = {part.number: self._crc(part) for part in command.parts if part.number not in command.crcs}
        crcs.update(command.crcs)
        urls = self._session.sign(
            [PartToSign(part.number, part.length, crcs[part.number]) for part in command.parts]
        )
        return {number: Signed(url, crcs[number]) for number, url in urls.items()}

    def move(self, lane: Lane, command: MovePart) -> SentPart | Failure:
        """Send one part."""
        part, crc = command.part, command.signed.crc
        try:
            outcome = put_part(lane, command.signed.url, self._file(), part, crc, careful=command.careful)
        except EOFError:
            raise FileChanged(path=self._path) from None
        if isinstance(outcome, str):
            return SentPart(part.number, part.length, crc, outcome)
        return outcome

    def keep(self, part: SentPart, done_bytes: int) -> None:
        """Hand an acknowledged part on."""
        self._traffic.moved("upload", part.length)
        self._record.moved_bytes += part.length
        self._on_part(part)
        self._report(done_bytes)

    def stand_still(self, done_bytes: int, why: str) -> None:
        """Say why nothing moves."""
        self._report(done_bytes, why)

    def still_whole(self) -> None:
        """Raise FileChanged unless the file is still the one that was begun with."""
        if FileIdentity.of(self._path) != self._identity:
            raise FileChanged(path=self._path)

    def _crc(self, part: Part) -> int:
        file = self._file()
        try:
            file.seek(part.offset)
            crc, length = crc_of_stream(file, part.length)
        except OSError as error:
            raise FileUnreadable(path=self._path, why=error.strerror or str(error)) from error
        if length != part.length:
            raise FileChanged(path=self._path)
        return crc

    def _file(self) -> BinaryIO:
        """Return the calling thread's own handle: places in a file are not shared between threads."""
        if not hasattr(self._open, "file"):
            try:
                self._open.file = self._path.open("rb", buffering=0)
            except OSError as error:
                raise FileUnreadable(path=self._path, why=error.strerror or str(error)) from error
        file: BinaryIO = self._open.file
        return file

    def _report(self, done_bytes: int, trouble: str = "") -> None:
        self._on_progress(TransferProgress(done_bytes, self._plan.size_bytes, self._resumed_bytes, trouble))
