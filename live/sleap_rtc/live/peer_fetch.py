"""Adapter: brings a whole file from a peer to disk, over as many sessions as that takes; called in a thread.

What came stays in the partial file, so that neither a cut connection nor a killed process costs more than the
range under way.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from sleap_rtc.live.errors import PeerLost, PeerStalled, PeerWrong
from sleap_rtc.live.patience import Patience
from sleap_rtc.live.peer_file import PeerFile
from sleap_rtc.live.peer_session import Path as SessionPath
from sleap_rtc.storage.errors import IntegrityError, TransferFailed
from sleap_rtc.storage.part_plan import plan_ranges
from sleap_rtc.storage.partial_file import ObjectFacts, PartialFile
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_record import TransferRecord

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from sleap_rtc.live.file_reader import FileReader
    from sleap_rtc.live.file_requests import What
    from sleap_rtc.storage.part_plan import Part, PartPlan
    from sleap_rtc.storage.stop_signal import StopSignal
    from sleap_rtc.storage.traffic import Way


_AT_MOST_S = 10.0


class Readers(Protocol):
    """Sessions with one peer, one after the other."""

    async def reader(self) -> FileReader:
        """Return what reads over the session that stands, which may have to be waited for.

        Raises:
            PeerLost: there is none, and none comes in time.
        """


class PeerFetch:
    """Brings files of one peer.

    Args:
        readers: how it is reached; lives on `loop`.
        loop: on which sessions live; runs in another thread.
        patience: how slow the peer may be.
        traffic: is told of the bytes that came, and whether through a relay.
    """

    def __init__(
        self,
        readers: Readers,
        loop: asyncio.AbstractEventLoop,
        patience: Patience | None = None,
        traffic: Traffic = SILENT,
    ) -> None:
        self._readers = readers
        self._loop = loop
        self._patience = patience or Patience()
        self._traffic = traffic

    def fetch(
        self,
        what: What,
        size_bytes: int,
        checksum: str,
        target: Path,
        on_progress: ProgressHook = no_progress,
        stop: StopSignal | None = None,
    ) -> None:
        """Bring a file to `target`, verified.

        Args:
            what: the file, as the peer knows it.
            size_bytes: its size.
            checksum: of the whole.
            target: where it appears once it is whole.
            on_progress: called as ranges are verified.
            stop: ends it.

        Raises:
            TransferFailed: the peer is gone, or it was stopped; the same call goes on from there.
            IntegrityError: the peer has other bytes.
            ReadRefused: the peer does not have the file, or does not give it.
            DiskFull: there is no room for it.
        """
        if not size_bytes:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"")
            return
        plan = plan_ranges(size_bytes)
        facts, record = ObjectFacts(size_bytes, "", checksum), TransferRecord("download", self._traffic, stop)
        with record, PartialFile(target, facts, plan.part_size_bytes) as partial:
            record.resumed_bytes = sum(plan.part(number).length for number in partial.verified)
            missing = _Missing(plan, partial, GuardedHook(on_progress))
            try:
                self._wait_for(self._bring(what, plan, checksum, partial, missing, record), stop)
            except CancelledError:
                raise TransferFailed(what=target.name, why="it was stopped") from None
            except PeerLost as lost:
                raise TransferFailed(what=target.name, why=str(lost).rstrip(".")) from lost
            except PeerWrong as wrong:
                raise IntegrityError(
                    what=f"What peer {wrong.peer} sent", expected=checksum, found=wrong.why
                ) from wrong
            partial.publish()

    def _wait_for(self, work: Coroutine[Any, Any, None], stop: StopSignal | None) -> None:
        """Have the loop do some work. When this returns or raises, the work has ended."""
        ended = threading.Event()

        async def whole() -> None:
            try:
                await work
            finally:
                ended.set()

        doing = asyncio.run_coroutine_threadsafe(whole(), self._loop)

        def cut() -> None:
            doing.cancel()

        try:
            with stop.cutting(cut) if stop is not None else nullcontext():
                doing.result()
        except BaseException:  # Ctrl-C comes to this thread, not to the loop's
            cut()
            ended.wait(_AT_MOST_S)
            raise

    async def _bring(
        self,
        what: What,
        plan: PartPlan,
        checksum: str,
        partial: PartialFile,
        missing: _Missing,
        record: TransferRecord,
    ) -> None:
        while missing.numbers:
            reader = await self._readers.reader()
            file = PeerFile(reader, what, plan, checksum, self._patience)
            record.way = way_of(reader.session.path)
            traffic = self._traffic.by(record.way)

            def came(part: Part, traffic: Traffic = traffic) -> None:
                traffic.moved("download", part.length)
                record.moved_bytes += part.length
                missing.came(part)

            try:
                await file.fetch(partial, list(missing.numbers), came)
            except PeerLost:
                continue
            except PeerStalled as stalled:
                reader.session.end(str(stalled))


def way_of(path: SessionPath) -> Way:
    """Return how bytes of a session go; what goes through a relay is paid for."""
    return "relay" if path is SessionPath.RELAYED else "peer"


class _Missing:
    """Which ranges are missing, and how far that is."""

    def __init__(self, plan: PartPlan, partial: PartialFile, on_progress: GuardedHook) -> None:
        self.numbers = [part.number for part in plan.parts() if part.number not in partial.verified]
        self._size_bytes = plan.size_bytes
        self._resumed_bytes = sum(plan.part(number).length for number in partial.verified)
        self._done_bytes = self._resumed_bytes
        self._on_progress = on_progress
        self._tell()

    def came(self, part: Part) -> None:
        """Note that a range is in its place."""
        self.numbers.remove(part.number)
        self._done_bytes += part.length
        self._tell()

    def _tell(self) -> None:
        self._on_progress(TransferProgress(self._done_bytes, self._size_bytes, self._resumed_bytes))
