"""Orchestration: the package of one job, read from the client that handed it over, whatever cuts it off.

It is read anew for each job: nobody gets at what others have sent by knowing its checksum.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.live.direct_jobs import PACKAGE
from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.peer_fetch import PeerFetch
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_hold import TransferHold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.live.patience import Patience
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.stop_signal import StopSignal

WAITS_FOR_S = 60.0
"""For a client that was cut off: it calls again at once, and after pauses of some seconds."""


class PeerDataset:
    """Everything but `cached` belongs to the event loop.

    Args:
        job_id: of the job.
        work_dir: where it lies while it is used.
        patience: how slow the client may be.
        waits_for_s: how long a client that was cut off is waited for.
        traffic: is told of the bytes that came.
    """

    def __init__(
        self,
        job_id: str,
        work_dir: Path,
        patience: Patience | None = None,
        waits_for_s: float = WAITS_FOR_S,
        traffic: Traffic = SILENT,
    ) -> None:
        self._job_id = job_id
        self._work_dir = work_dir
        self._waits_for_s = waits_for_s
        self._loop = asyncio.get_running_loop()
        self._fetch = PeerFetch(self, self._loop, patience, traffic.of("dataset"))
        self._reader: FileReader | None = None
        self._connected = asyncio.Event()

    def connected(self, session: PeerSession) -> None:
        """Read over this session from now on."""
        before, self._reader = self._reader, FileReader(session)
        if before is not None:
            before.session.end("its client has a newer one")
        self._connected.set()

    async def reader(self) -> FileReader:
        """Return what reads over the session that stands. Raises PeerLost."""
        reader = self._reader
        if reader is not None and not reader.session.why_ended:
            return reader
        self._connected.clear()
        try:
            async with asyncio.timeout(self._waits_for_s):
                await self._connected.wait()
        except TimeoutError:
            why = f"it was cut off and did not come back within {self._waits_for_s:g} s"
            peer = reader.session.peer_id if reader is not None else "the client"
            raise PeerLost(peer=peer, why=why) from None
        return await self.reader()

    @contextmanager
    def cached(
        self,
        dataset: DatasetRef,
        cache: BlobCache,
        say: Callable[[str], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> Iterator[Path]:
        """Yield the path of the package."""
        del cache
        folder = Path(tempfile.mkdtemp(prefix="package-", dir=self._work_dir))
        try:
            target = folder / "package.zip"
            say(f"reading {dataset.file_name}, {dataset.size_bytes:,} bytes, from the client")
            what = What(job_id=self._job_id, file=PACKAGE)

            def go_on(stop: StopSignal) -> None:
                size, checksum = dataset.size_bytes, dataset.checksum
                self._fetch.fetch(what, size, checksum, target, on_progress, stop)

            (hold or TransferHold()).carry(dataset.file_name, go_on)
            say(f"verified {dataset.checksum}")
            yield target
        finally:
            shutil.rmtree(folder, ignore_errors=True)
