"""Orchestration: one job at a worker of the existing tool: an offer, the package, its output, the results.

Whatever happens, this comes to an end: with the results on disk, or with an error that says what happened.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from sleap_rtc.client.legacy_conversation import LegacyConversation, LegacyWorkerSilent, Patience, Phase
from sleap_rtc.live.errors import LegacyFileRefused, PeerLost, PeerUnreachable
from sleap_rtc.live.legacy_file import UP_FRAME_BYTES
from sleap_rtc.live.legacy_frames import (
    KEEP_ALIVE,
    TRAIN,
    EndOfFile,
    FileMeta,
    LogLine,
    OutputDir,
    PackageType,
    ProgressReport,
    TrackLog,
    TrainJobEnd,
    TrainJobError,
    TrainJobStart,
    ZmqCtrl,
)
from sleap_rtc.live.legacy_inbox import FileOnDisk
from sleap_rtc.live.legacy_session import PATIENCE_S, LegacySession
from sleap_rtc.live.legacy_signaling import LegacyAnswered, LegacyDeclined, LegacyOffered
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.progress import TransferProgress

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path

    from sleap_rtc.client.legacy_package import LegacyPackage
    from sleap_rtc.client.worker_choice import Candidate
    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.legacy_frames import LegacyFrame
    from sleap_rtc.live.legacy_signaling import LegacyReceived, LegacySignaling
    from sleap_rtc.storage.progress import ProgressHook

OUTPUT_DIR = "models"
_UPLOAD_STALLS_S = 60.0
_LOOK_EVERY_S = 1.0


class LegacyWatcher(Protocol):
    """Is told what happens; must not block."""

    @property
    def sending(self) -> ProgressHook:
        """Called as the package goes out."""

    @property
    def receiving(self) -> ProgressHook:
        """Called as the results come in."""

    def on_line(self, text: str, *, redraws: bool) -> None:
        """A line of the engine's output; one that redraws takes the place of the last."""

    def on_step(self, step: str, job: str) -> None:
        """A step: `connected`, `sent`, `started`, `ended`, `failed`, `results`."""

    def on_report(self, json: str) -> None:
        """What the engine said of its progress, as it said it."""


class LegacyJob:
    """One job, run once.

    Args:
        signaling: carries the descriptions.
        worker: whom it goes to.
        package: what is sent.
        folder: where the results are to lie; it has to be there.
        watcher: is told what happens.
        wants_progress: whether the worker is to forward what the engine says of its progress.
        ice_servers: where to learn the own address and to be relayed.
        patience: how long the worker may be silent.
    """

    def __init__(
        self,
        signaling: LegacySignaling,
        worker: Candidate,
        package: LegacyPackage,
        folder: Path,
        watcher: LegacyWatcher,
        *,
        wants_progress: bool = False,
        ice_servers: Sequence[IceServer] = (),
        patience: Patience | None = None,
    ) -> None:
        self.conversation = LegacyConversation(worker.name)
        self._signaling = signaling
        self._worker = worker
        self._package = package
        self._folder = folder
        self._watcher = watcher
        self._wants_progress = wants_progress
        self._ice_servers = ice_servers
        self._patience = patience or Patience()
        self._session: LegacySession | None = None
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._results: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        self._file: FileOnDisk | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._moved_at = self._now()

    async def run(self) -> Path:
        """Do it; return where the results lie, which may be those of a part of the package only.

        Raises:
            PeerUnreachable: the worker does not answer, declines, or cannot be connected to.
            LegacyWorkerSilent, LegacyWorkerGone: it was there, and then no more.
            LegacyJobFailed: it failed.
            LegacyFileRefused: what came is not what was announced.
            DiskFull, OSError: the results cannot be written.
        """
        self._signaling.listen_legacy(self._signalled)
        session, offer = await LegacySession.offering(self._worker.peer_id, self._came, self._ice_servers)
        self._session = session
        try:
            await self._signaling.send_legacy(self._worker.peer_id, LegacyOffered(offer))
            await session.answered(await self._answered())
            await session.opened()
            self._watcher.on_step("connected", "")
            await self._send(session)
            return await self._to_the_end(session)
        finally:
            self._forget_file()
            await session.close()

    def command(self, json: str) -> None:
        """Have the engine told something; whoever comes too late is not heard."""
        if self._session is not None and not self._session.why_ended:
            self._session.send_if_room(ZmqCtrl(json))

    async def _answered(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            why = f"no answer to our offer within {PATIENCE_S:g} s"
            raise PeerUnreachable(where=self._worker.name, why=why) from None

    def _signalled(self, received: LegacyReceived) -> None:
        if self._answer.done():
            return
        match received.signal:
            case LegacyAnswered(sdp) if received.from_peer == self._worker.peer_id:
                self._answer.set_result(sdp)
            case LegacyDeclined(why, status) if received.from_peer in ("", self._worker.peer_id):
                told = f"it is {status}" if status else why
                self._answer.set_exception(PeerUnreachable(where=self._worker.name, why=told))

    async def _send(self, session: LegacySession) -> None:
        size = self._package.path.stat().st_size
        sent = 0

        def on_sent(count: int) -> None:
            nonlocal sent
            sent += count
            self._moved_at = self._now()
            self._watcher.sending(TransferProgress(sent, size))

        meta = FileMeta(self._package.name, size, str(self._wants_progress))
        self._watcher.sending(TransferProgress(0, size))
        session.send(PackageType(self._package.kind))
        session.send(OutputDir(OUTPUT_DIR))
        await self._while_it_lives(
            session, session.send_file(self._package.path, meta, UP_FRAME_BYTES, on_sent)
        )
        self._watcher.on_step("sent", "")
        self._moved_at = self._now()

    async def _while_it_lives(self, session: LegacySession, work: Coroutine[Any, Any, None]) -> None:
        """Send for as long as the worker takes something."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                left_s = self._moved_at + _UPLOAD_STALLS_S - self._now()
                if left_s <= 0:
                    why = f"took nothing of the package for {_UPLOAD_STALLS_S:g} s"
                    raise LegacyWorkerSilent(where=self._worker.name, why=why)
                waits: list[asyncio.Future[Any]] = [task, self._results]
                await asyncio.wait(waits, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if self._results.done():
                    self._results.result()  # it was refused meanwhile
            task.result()
        except PeerLost:
            raise self.conversation.gone(session.why_ended) from None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _to_the_end(self, session: LegacySession) -> Path:
        ended = asyncio.ensure_future(session.wait_ended())
        waits: list[asyncio.Future[Any]] = [self._results, ended]
        try:
            while not self._results.done():
                bears_s = self._patience.of(self.conversation.phase)
                left_s = self._moved_at + bears_s - self._now()
                if left_s <= 0 and self._finishing is None:
                    raise self.conversation.silent(bears_s)
                # What comes meanwhile may shorten what is borne, so it is looked at again soon.
                soon_s = min(max(left_s, 0.05), _LOOK_EVERY_S)
                await asyncio.wait(waits, timeout=soon_s, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    if self._finishing is not None:
                        await self._finishing
                    if not self._results.done():
                        raise self.conversation.gone(session.why_ended)
            return self._results.result()
        finally:
            ended.cancel()

    def _came(self, frame: LegacyFrame | bytes) -> None:
        if self._results.done() or self._finishing is not None:
            return
        try:
            self._take(frame)
        except (SleapRtcError, OSError) as error:
            self._results.set_exception(error)

    def _take(self, frame: LegacyFrame | bytes) -> None:
        if frame != KEEP_ALIVE:  # an engine that hangs is not alive because its worker is
            self._moved_at = self._now()
        self.conversation.take(frame)
        match frame:
            case bytes() if self._file is not None:
                self._file.take(frame)
                self._watcher.receiving(TransferProgress(self._file.got_bytes, self._file.size_bytes))
            case FileMeta() if self.conversation.phase is Phase.FILE:
                self._begin(frame)
            case EndOfFile() if self._file is not None:
                self._finishing = asyncio.create_task(self._finish(self._file))
            case _:
                self._tell(frame)
        if self.conversation.phase is Phase.OVER and self._finishing is None:
            raise self.conversation.failed()

    def _tell(self, frame: LegacyFrame | bytes) -> None:
        match frame:
            case LogLine(text, redraws):
                self._watcher.on_line(text, redraws=redraws)
            case TrackLog(text):
                self._watcher.on_line(text, redraws=False)
            case ProgressReport(json):
                self._watcher.on_report(json)
            case TrainJobStart(job):
                self._watcher.on_step("started", job)
            case TrainJobEnd(job):
                self._watcher.on_step("ended", job)
            case TrainJobError(job, _):
                self._watcher.on_step("failed", job)

    def _begin(self, meta: FileMeta) -> None:
        if self._file is not None:
            raise LegacyFileRefused(why="a second file came before the first was whole")
        if self._package.kind == TRAIN and meta.name != self._package.results_name:
            why = f"it is called {meta.name!r:.100}, not {self._package.results_name!r}: it is of another job"
            raise LegacyFileRefused(why=why)
        self._watcher.on_step("results", "")
        self._file = FileOnDisk(meta, self._folder)

    async def _finish(self, file: FileOnDisk) -> None:
        try:
            path = await file.finish()
        except (SleapRtcError, OSError) as error:
            self._results.set_exception(error)
        else:
            self._file = None
            self._results.set_result(path)

    def _forget_file(self) -> None:
        if self._file is not None:
            self._file.abandon()
            self._file = None
        for future in (self._answer, self._results):
            if future.done() and not future.cancelled():
                future.exception()  # whoever waited for it has been told something else

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
