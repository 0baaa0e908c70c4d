"""Orchestration: one job that goes straight to a worker of this tool, over as many sessions as that takes.

The worker reads the package from here. A session that is cut is made anew: the file goes on from where it
was, the events from the last one seen, and the job, once the worker has its package, by itself.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ulid import ULID

from sleap_rtc.client.direct_talk import DirectTalk
from sleap_rtc.client.seen_events import SeenEvents
from sleap_rtc.client.trained_results import keep_model
from sleap_rtc.events.job_progress import RunEnded
from sleap_rtc.live.control import Control
from sleap_rtc.live.direct_jobs import PACKAGE, SubmitJob
from sleap_rtc.live.errors import PeerLost, PeerStalled, PeerUnreachable, ReadRefused, TalkRefused
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.file_requests import What
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.job_attachment import JobAttachment
from sleap_rtc.live.peer_fetch import PeerFetch
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import ExitCode, SleapRtcError, TransferFailed
from sleap_rtc.storage.progress import TransferProgress
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.client.trained_results import KeptModel
    from sleap_rtc.events.job_progress import Told
    from sleap_rtc.events.jobs import JobRequest
    from sleap_rtc.live.direct_jobs import JobResult, MadeModel
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.storage.progress import ProgressHook

TRIES_FOR_S = 120.0
"""How long a worker that does not answer is called before it is given up."""
_PAUSE_S = 2.0
_LOOK_EVERY_S = 0.2


class Calls(Protocol):
    """Makes sessions with the worker."""

    async def __call__(self) -> PeerSession:
        """Make one. Raises Unreachable."""


class DirectWatcher(Protocol):
    """Is told what happens; must not block."""

    @property
    def sending(self) -> ProgressHook:
        """Called as the worker reads the package."""

    def on_step(self, step: str, job: str) -> None:
        """A step: `connected`, `sent`, `results`, `again`."""

    def on_told(self, told: Told) -> None:
        """The worker tells something of the job."""


class DirectJobFailed(SleapRtcError):
    """The job failed on worker {worker} ({code}): {why}"""

    exit_code = ExitCode.JOB_FAILED
    worker: str
    code: str
    why: str


@dataclass(frozen=True)
class BroughtModel:
    """A model that is here, and whether the room has it, too."""

    kept: KeptModel
    in_room: bool


class DirectJob:
    """One job, run once.

    Args:
        call: makes sessions with the worker.
        worker: as people are told it.
        package: the file.
        request: what is asked of the trainer.
        registry: where the models are entered.
        watcher: is told what happens.
        first: a session that stands already.
        tries_for_s: how long a worker that does not answer is called.
        traffic: is told of the bytes of models.
    """

    def __init__(
        self,
        call: Calls,
        worker: str,
        package: Path,
        request: JobRequest,
        registry: ClientModelRegistry,
        watcher: DirectWatcher,
        first: PeerSession | None = None,
        tries_for_s: float = TRIES_FOR_S,
        traffic: Traffic = SILENT,
    ) -> None:
        self.job_id = str(ULID())
        self._call = call
        self._worker = worker
        self._package = package
        self._request = request
        self._registry = registry
        self._watcher = watcher
        self._first = first
        self._tries_for_s = tries_for_s
        self._traffic = traffic.of("model")
        self._seen = SeenEvents()
        self._readers = _OneSession()
        self.sent_bytes = 0
        """Of the package, and what was sent twice counts twice."""
        self._moved_at = self._now()
        self._size_bytes = 0
        self._checksum = ""
        self._run_ended = False
        self._brought: list[BroughtModel] = []

    async def run(self) -> Sequence[BroughtModel]:
        """Do it; return the models, in the order in which they were trained.

        Raises:
            JobNotTaken: the worker does not take the job.
            DirectJobFailed: it failed.
            PeerUnreachable: the worker cannot be connected to, or not any more.
            IntegrityError, DiskFull: a model could not be brought here.
        """
        self._size_bytes, self._checksum = await asyncio.to_thread(_facts_of, self._package)
        self._moved_at = self._now()
        result: JobResult | None = None
        while True:
            try:
                session = await self._session()
                try:
                    result = result or await self._over(session)
                    if result.model is not None:
                        for made in (*result.earlier, result.model)[len(self._brought) :]:
                            self._brought.append(await self._bring(session, made))
                        return self._brought
                    raise self._failed(result)
                finally:
                    await session.close()
            except (PeerLost, PeerStalled, PeerUnreachable) as error:
                if self._now() - self._moved_at > self._tries_for_s:
                    raise PeerUnreachable(where=self._worker, why=str(error).rstrip(".")) from error
                self._watcher.on_step("again", "")
                await asyncio.sleep(_PAUSE_S)

    async def _session(self) -> PeerSession:
        first, self._first = self._first, None
        return first if first is not None and not first.why_ended else await self._call()

    async def _over(self, session: PeerSession) -> JobResult:
        """See to the job over one session; return what became of it. Raises PeerLost, PeerStalled."""
        async with AsyncExitStack() as stack:
            control = Control(session)
            talk = DirectTalk(session, control)
            attachment = JobAttachment(session, control, self.job_id)
            self._readers.use(FileReader(session))
            sender = FileSender(session, self, self._on_sent, control)
            serving = asyncio.create_task(sender.run())
            stack.push_async_callback(_ended, serving)
            await asyncio.sleep(0)  # it begins to listen
            await talk.submit(
                SubmitJob(
                    id=talk.next_id(),
                    job_id=self.job_id,
                    file_name=self._package.name,
                    size_bytes=self._size_bytes,
                    checksum=self._checksum,
                    request=self._request,
                )
            )
            self._moved_at = self._now()
            self._watcher.on_step("connected", "")
            while True:
                if not self._run_ended:
                    await self._watch(attachment)
                result = await talk.collect(self.job_id)
                if result.state != "working":
                    return result
                await asyncio.sleep(_LOOK_EVERY_S)  # it has only just accepted it, or ends just now

    async def _watch(self, attachment: JobAttachment) -> None:
        """Show what the worker tells until it is done with the job, if it is at it."""
        run, after = self._seen.position()
        try:
            await attachment.attach(run, after)
        except TalkRefused:
            return
        except TimeoutError:
            raise PeerLost(peer=self._worker, why="it does not answer") from None
        while True:
            told = await attachment.next()
            self._moved_at = self._now()
            if self._seen.is_news(told):
                self._watcher.on_told(told)
            if isinstance(told.event, RunEnded):
                self._run_ended = True
                return

    async def _bring(self, session: PeerSession, model: MadeModel) -> BroughtModel:
        self._watcher.on_step("results", "")
        if self._readers.session is not session:
            self._readers.use(FileReader(session))
        fetch = PeerFetch(self._readers, asyncio.get_running_loop(), traffic=self._traffic)
        try:
            kept = await asyncio.to_thread(self._keep, fetch, model)
        except TransferFailed as cut:
            raise PeerLost(peer=self._worker, why=cut.why) from cut
        return BroughtModel(kept, in_room=model.in_room)

    def _keep(self, fetch: PeerFetch, model: MadeModel) -> KeptModel:
        self._registry.models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".results-", dir=self._registry.models_dir) as name:
            folder = Path(name) / "model"
            for file in model.files:
                what = What(model_id=model.model_id, file=file.name)
                fetch.fetch(what, file.size_bytes, file.checksum, folder / file.name)
            kept = keep_model(folder, self._registry, model.model_type)
        if kept is None:
            raise DirectJobFailed(worker=self._worker, code="no_model", why="what it sent is no model.")
        return kept

    def find(self, what: What) -> Path:
        """Return where the package lies (`FileSource`). Raises ReadRefused."""
        if what.job_id != self.job_id or what.file != PACKAGE:
            raise ReadRefused(code="unknown_file", why="there is no such file here")
        return self._package

    def _on_sent(self, count: int) -> None:
        self.sent_bytes += count
        self._moved_at = self._now()
        # What goes out twice after a cut is no progress; the worker tells how far it really is.
        self._watcher.sending(TransferProgress(min(self.sent_bytes, self._size_bytes), self._size_bytes))

    def _failed(self, result: JobResult) -> DirectJobFailed:
        if result.state == "unknown":
            why = "it does not know the job any more; it may have been started anew."
            return DirectJobFailed(worker=self._worker, code="worker_lost", why=why)
        return DirectJobFailed(worker=self._worker, code=result.code, why=result.why)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class _OneSession:
    """Reads over one session, and waits for no other."""

    def __init__(self) -> None:
        self._reader: FileReader | None = None

    @property
    def session(self) -> PeerSession | None:
        """That session."""
        return self._reader.session if self._reader is not None else None

    def use(self, reader: FileReader) -> None:
        """Read over another one from now on."""
        self._reader = reader

    async def reader(self) -> FileReader:
        """Return what reads. Raises PeerLost."""
        if self._reader is None or self._reader.session.why_ended:
            peer = self._reader.session.peer_id if self._reader is not None else "the worker"
            raise PeerLost(peer=peer, why="the connection was cut")
        return self._reader


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _facts_of(path: Path) -> tuple[int, str]:
    with path.open("rb", 0) as file:
        crc, size = crc_of_stream(file)
    return size, to_text(crc)
