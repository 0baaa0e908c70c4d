"""A worker at a job as a live peer, a service that knows of the job, and clients that watch it.

Signaling and WebRTC are real, in one process, each side on a loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.live_items import Item, LinkState, Over
from sleap_rtc.client.live_job import LiveJob
from sleap_rtc.client.live_path import Looks
from sleap_rtc.client.live_room import live_room
from sleap_rtc.events.api import JobLog, JobView
from sleap_rtc.events.job_commands import CommandAnswer
from sleap_rtc.events.job_live_api import CommandView
from sleap_rtc.events.job_progress import CommandAnswered, Told, must_arrive
from sleap_rtc.events.jobs import JobState
from sleap_rtc.live.control import Control
from sleap_rtc.live.file_sender import FileSender
from sleap_rtc.live.heartbeat import Beat
from sleap_rtc.live.job_board import JobBoard, JobRun
from sleap_rtc.live.job_host import JobFiles, JobHost
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.storage.errors import InputError, NotFound, Unreachable
from support.jobs import claim, queued_job
from support.loop import LONGEST_S
from support.product import eventually
from support.signaling_server import GOOD_TOKEN, SignalingServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path
    from types import TracebackType

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.live.peer_session import PeerSession

ROOM = "mice-1"
JOB = "01J00000000000000000000000"
OFTEN = Looks(every_s=0.1, seldom_s=0.1, connected_s=0.1)


class LabWorker:
    """A worker that may be at a job, and obeys whatever it is told once it may."""

    def __init__(self, peer_id: str) -> None:
        self.peer_id = peer_id
        self.board = JobBoard()
        self.sessions: list[PeerSession] = []
        self.given: list[str] = []
        """The id of each command that came, however often."""
        self.obeyed: list[tuple[str, str]] = []
        self.may = threading.Event()
        self.may.set()
        self.sample: Path | None = None
        self._answers: dict[str, CommandAnswer] = {}
        self._lock = threading.Lock()

    def at(self, run: int) -> JobRun:
        """Begin a run of the job."""
        found = JobRun(JOB, run, self.obey, lambda name: self.sample if name == "sample.png" else None)
        self.board.put(found)
        return found

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        """Obey once, however often it is told, and tell everybody."""
        self.given.append(command_id)
        assert self.may.wait(LONGEST_S)
        with self._lock:
            if command_id not in self._answers:
                self.obeyed.append((command.name, command_id))
                files = ("sample.png",) if command.name == "sample" else ()
                answer = CommandAnswer(outcome="done", text=f"{command.name} it is", files=files)
                self._answers[command_id] = answer
                run = self.board.get(JOB)
                assert run is not None
                run.tell(CommandAnswered(command_id=command_id, name=command.name, by=by, answer=answer))
        return self._answers[command_id]

    async def welcome(self, session: PeerSession) -> None:
        """Serve a session."""
        self.sessions.append(session)
        control = Control(session)
        host = JobHost(session, control, self.board)
        try:
            await FileSender(session, JobFiles(self.board, None), control=control).run()
        finally:
            host.close()

    @asynccontextmanager
    async def joined(self, url: str) -> AsyncIterator[None]:
        """Be in the room while the block runs."""
        signaling = SignalingClient(url, Card(ROOM, self.peer_id, "worker"), lambda: GOOD_TOKEN)
        running = asyncio.create_task(Sessions(signaling, welcome=self.welcome, beat=Beat(0.5, 5.0)).run())
        async with signaling.running():
            await signaling.registered()
            try:
                yield
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@dataclass
class LabService:
    """What the service knows of the job, and its slower way to the worker; it may be away."""

    job_now: JobView | None = None
    runs: list[JobRun] = field(default_factory=list)
    away: bool = False
    log_text: str = ""
    listeners: int = 0
    given: list[str] = field(default_factory=list)
    _answers: dict[str, CommandAnswer] = field(default_factory=dict)

    def become(self, job: Job, worker_peer_id: str = "") -> None:
        """Have the record say something else."""
        self.job_now = JobView(**{**job.model_dump(), "worker_peer_id": worker_peer_id})

    def job(self, room_id: str, job_id: str) -> JobView:
        self._there()
        if self.job_now is None:
            raise NotFound(what=f"job {job_id}")
        return self.job_now

    def job_log(self, room_id: str, job_id: str, after: int) -> JobLog:
        self._there()
        segments: Any = [{"number": 1, "text": self.log_text}] if self.log_text and not after else []
        return JobLog(segments=segments, ended=True)

    def live_events(self, room_id: str, job_id: str, run: int = 0, after: int = 0) -> Iterator[Told]:
        self._there()
        self.listeners += 1
        try:
            while True:
                job = self.job_now
                for each in list(self.runs):
                    behind = after if each.run == run else 0
                    for told in each.since(behind) if each.run >= run else []:
                        self._there()
                        run, after = each.run, told.seq
                        yield told
                if job is None or job.ended:
                    return
                threading.Event().wait(0.02)
        finally:
            self.listeners -= 1

    def give_command(self, room_id: str, job_id: str, command_id: str, command: Command) -> CommandView:
        self._there()
        if self.job_now is None or self.job_now.ended or not self.runs:
            raise InputError(message="Job takes no commands now: no worker is at it.")
        self.given.append(command_id)
        run = self.runs[-1]

        def obey() -> None:
            self._answers[command_id] = run.command(command, command_id, "ada")

        threading.Thread(target=obey, daemon=True).start()
        return self._view(command_id, command)

    def command(self, room_id: str, job_id: str, command_id: str) -> CommandView:
        self._there()
        return self._view(command_id, None)

    def sample(self, room_id: str, job_id: str, name: str) -> bytes:
        self._there()
        path = self.runs[-1].find(name) if self.runs else None
        if path is None:
            raise NotFound(what=name)
        return path.read_bytes()

    def _view(self, command_id: str, command: Command | None) -> CommandView:
        fields: dict[str, Any] = {"command_id": command_id, "by": "ada", "at": datetime.now(UTC)}
        fields["command"] = command or {"name": "pause"}
        return CommandView(**fields, answer=self._answers.get(command_id))

    def _there(self) -> None:
        if self.away:
            raise Unreachable(where="The service", why="the test has it away")


class JobLab:
    """Signaling, workers, and the service, for as long as the context is open."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open = AsyncExitStack()
        self._places: dict[str, AsyncExitStack] = {}
        self.server = SignalingServer()
        self.service = LabService()

    def __enter__(self) -> JobLab:
        self._thread.start()
        self.do(self._open.enter_async_context(self.server.running()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for peer_id in list(self._places):
            self.leave(peer_id)
        self.do(self._open.aclose())
        self.do(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def join(self, worker: LabWorker) -> None:
        """Have a worker come into the room."""
        place = self._places[worker.peer_id] = AsyncExitStack()
        self.do(place.enter_async_context(worker.joined(self.server.url)))

    def leave(self, peer_id: str) -> None:
        """Have a worker leave; its sessions end."""
        self.do(self._places.pop(peer_id).aclose())

    def worker_at(self, job: Job, peer_id: str = "gpu-1") -> tuple[LabWorker, JobRun]:
        """Have a worker in the room claim the job."""
        worker = LabWorker(peer_id)
        self.join(worker)
        run = self.claims(worker, job)
        return worker, run

    def claims(self, worker: LabWorker, job: Job) -> JobRun:
        """Have a worker claim the job."""
        held = claim(job, worker.peer_id, event=f"message {job.fencing}")
        run = worker.at(held.fencing)
        self.service.runs.append(run)
        self.service.become(held, worker.peer_id)
        return run

    def cut(self, worker: LabWorker) -> None:
        """Cut the newest session, as the network does."""
        self.do(worker.sessions[-1].close("the test cuts it"))

    def live_job(self, token: str = GOOD_TOKEN, **options: Any) -> LiveJob:
        """Return what a client watches the job with."""
        options = {"looks": OFTEN, **options}
        return LiveJob(
            self.service,
            lambda: live_room(self.server.url, ROOM, token, "client-1"),
            ROOM,
            JOB,
            **options,
        )

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the loop of the room."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST_S)


class Viewer:
    """Somebody who looks at what a LiveJob brings."""

    def __init__(self, live: LiveJob) -> None:
        self.live = live
        self.items: list[Item] = []

    @property
    def told(self) -> list[Told]:
        return [item for item in self.items if isinstance(item, Told)]

    @property
    def numbers(self) -> list[tuple[int, int]]:
        """Return run and number of what must arrive, in the order in which it came."""
        return [(told.run, told.seq) for told in self.told if must_arrive(told.event)]

    @property
    def links(self) -> list[str]:
        return [str(item.link) for item in self.items if isinstance(item, LinkState)]

    @property
    def over(self) -> bool:
        return any(isinstance(item, Over) for item in self.items)

    def until(self, true: Callable[[], bool]) -> None:
        """Look until something is true; fail if it takes far too long."""

        def come() -> bool:
            while (item := self.live.next(0.02)) is not None:
                self.items.append(item)
            return true()

        eventually(come)

    def until_link(self, link: str) -> None:
        self.until(lambda: bool(self.links) and self.links[-1] == link)


def ended(job: Job, state: JobState = JobState.PUBLISHED) -> Job:
    """Return a job that has ended."""
    return job.model_copy(update={"state": state})


__all__ = ["JOB", "ROOM", "JobLab", "LabService", "LabWorker", "Viewer", "ended", "queued_job"]
