"""Orchestration: takes files of models from the desktops that made them, as far as that goes.

What peers bring lies in the same partial file that a download from the store goes on with, so nothing is
fetched twice, whoever fails at whatever byte; and the file appears by that download alone, which verifies the
whole (`peer_or_store`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from sleap_rtc.client.peer_or_store import BytesBySource
from sleap_rtc.live.errors import PeerLost, PeerWrong
from sleap_rtc.live.event_loop import new_event_loop
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.patience import Patience
from sleap_rtc.live.peer_fetch import way_of
from sleap_rtc.live.peer_file import PeerFile
from sleap_rtc.live.peer_session import Path as SessionPath
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.partial_file import ObjectFacts, PartialFile
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from types import TracebackType

    from sleap_rtc.live.file_requests import What
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.storage.download_engine import RemoteObject
    from sleap_rtc.storage.part_plan import Part, PartPlan

log = logging.getLogger(__name__)

T = TypeVar("T")
_AT_MOST_S = 10.0


class Caller(Protocol):
    """Makes sessions with peers of a room."""

    async def call(self, peer_id: str) -> PeerSession:
        """Make a session. Raises Unreachable, Refused."""


class PeerModels:
    """The peers that say they have a model, while the context is open.

    Sessions live on an event loop in a thread of its own, and serve one file after the other. A peer that is
    lost while it brings something is called again, one that brings nothing is asked last for the next file,
    and one that has other bytes than were published is not asked again at all.

    Args:
        connect: enters the room, on that loop, when the first file is wanted. Raises Unreachable, Refused.
        peer_ids: whom to ask, the best one first.
        patience: how slow a peer may be.
        traffic: is told of the bytes that came, and whether through a relay.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Caller]],
        peer_ids: Sequence[str],
        patience: Patience | None = None,
        traffic: Traffic = SILENT,
    ) -> None:
        self.troubles: list[str] = []
        """Why peers were left, in words."""
        self._connect = connect
        self._caller: Caller | None = None
        self._peer_ids = list(peer_ids)
        self._patience = patience or Patience()
        self._traffic = traffic.of("model")
        self._readers: dict[str, FileReader] = {}
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="peers", daemon=True)
        self._room = AsyncExitStack()

    def __enter__(self) -> Self:
        """Start the loop."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every session and the loop."""
        try:
            self._wait_for(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def fetch(
        self, source: RemoteObject, what: What, target: Path, on_progress: ProgressHook = no_progress
    ) -> BytesBySource:
        """Bring what can be had of a file."""
        if not self._peer_ids or not source.size_bytes:
            return BytesBySource()
        plan = source.plan
        facts = ObjectFacts(source.size_bytes, source.etag, source.checksum)
        with PartialFile(target, facts, plan.part_size_bytes) as partial:
            wanted = _Wanted(what, source.checksum, plan, partial, GuardedHook(on_progress))
            self._wait_for(self._fetch(wanted))
        return wanted.by_source

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the loop do some work. When this returns or raises, the work has ended."""
        ended = threading.Event()

        async def whole() -> T:
            try:
                return await work
            finally:
                ended.set()

        doing = asyncio.run_coroutine_threadsafe(whole(), self._loop)
        try:
            return doing.result()
        except BaseException:  # Ctrl-C comes to this thread, not to the loop's
            doing.cancel()
            ended.wait(_AT_MOST_S)
            raise

    async def _fetch(self, wanted: _Wanted) -> None:
        try:
            caller = await self._entered()
        except SleapRtcError as error:
            # Whoever is not let in now is not for the next file either, and would wait for it again.
            log.info("%s", error)
            self.troubles.append(str(error))
            self._peer_ids.clear()
            return
        for peer_id in list(self._peer_ids):
            while wanted.missing:
                before = len(wanted.missing)
                try:
                    await self._from_peer(caller, peer_id, wanted)
                except SleapRtcError as error:
                    await self._leave(peer_id, error)
                    if isinstance(error, PeerLost) and len(wanted.missing) < before:
                        continue  # it brought something until the connection was cut
                    break

    async def _entered(self) -> Caller:
        if self._caller is None:
            self._caller = await self._room.enter_async_context(self._connect())
        return self._caller

    async def _from_peer(self, caller: Caller, peer_id: str, wanted: _Wanted) -> None:
        reader = await self._reader(caller, peer_id)
        relayed = reader.session.path is SessionPath.RELAYED
        traffic = self._traffic.by(way_of(reader.session.path))
        file = PeerFile(reader, wanted.what, wanted.plan, wanted.checksum, self._patience)

        def came(part: Part) -> None:
            traffic.moved("download", part.length)
            wanted.came(part, relayed=relayed)

        await file.fetch(wanted.partial, list(wanted.missing), came)

    async def _reader(self, caller: Caller, peer_id: str) -> FileReader:
        reader = self._readers.get(peer_id)
        if reader is None or reader.session.why_ended:
            reader = FileReader(await caller.call(peer_id))
            self._readers[peer_id] = reader
        return reader

    async def _leave(self, peer_id: str, why: SleapRtcError) -> None:
        log.info("%s", why)
        self.troubles.append(str(why))
        self._peer_ids.remove(peer_id)
        if not isinstance(why, PeerWrong):
            self._peer_ids.append(peer_id)
        reader = self._readers.pop(peer_id, None)
        if reader is not None:
            await reader.session.close("it is not asked any more")

    async def _close(self) -> None:
        for reader in self._readers.values():
            await reader.session.close()
        await self._room.aclose()
        await asyncio.get_running_loop().shutdown_default_executor()


@dataclass
class _Wanted:
    """What is wanted of a file, and what came of it."""

    what: What
    checksum: str
    plan: PartPlan
    partial: PartialFile
    on_progress: GuardedHook
    missing: list[int] = field(default_factory=list)
    by_source: BytesBySource = field(default_factory=BytesBySource)

    def __post_init__(self) -> None:
        verified = self.partial.verified
        self.missing = [part.number for part in self.plan.parts() if part.number not in verified]
        self._resumed_bytes = sum(self.plan.part(number).length for number in verified)
        self._report()

    def came(self, part: Part, *, relayed: bool) -> None:
        """Note that a range is in its place."""
        self.missing.remove(part.number)
        brought = BytesBySource(relayed=part.length) if relayed else BytesBySource(peer=part.length)
        self.by_source += brought
        self._report()

    def _report(self) -> None:
        done = self._resumed_bytes + self.by_source.peer + self.by_source.relayed
        self.on_progress(TransferProgress(done, self.plan.size_bytes, self._resumed_bytes))
