"""Orchestration: a worker's side of one session about its jobs: tells of them and takes commands.

What must arrive is sent on `ctl` as fast as the peer takes it and never piles up: who is slow is told later.
What is stale soon goes out on `progress`, and only while nothing waits there.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.events.job_commands import CommandAnswer
from sleap_rtc.events.job_progress import must_arrive
from sleap_rtc.events.worker_facts import CommandCame
from sleap_rtc.live.errors import PeerLost, ReadRefused
from sleap_rtc.live.job_board import waker
from sleap_rtc.live.job_talk import (
    REQUESTS,
    Answered,
    Attach,
    Attached,
    GiveCommand,
    JobTold,
    Refused,
    TalkUnreadable,
    read_job_request,
)
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from sleap_rtc.live.control import Control
    from sleap_rtc.live.file_requests import What
    from sleap_rtc.live.file_sender import FileSource
    from sleap_rtc.live.job_board import JobBoard, JobRun
    from sleap_rtc.live.peer_session import PeerSession

log = logging.getLogger(__name__)

MOST_WATCHED = 8
MOST_COMMANDS = 16


class JobHost:
    """Serves one session.

    Args:
        session: with whoever watches.
        control: its `ctl` channel.
        board: the jobs.
    """

    def __init__(self, session: PeerSession, control: Control, board: JobBoard) -> None:
        self._session = session
        self._control = control
        self._board = board
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._commands: set[asyncio.Task[None]] = set()
        control.on(REQUESTS, self._asked)

    def close(self) -> None:
        """Tell nothing any more. Commands that were given are carried out."""
        for task in self._watching.values():
            task.cancel()

    def _asked(self, text: str) -> None:
        try:
            request = read_job_request(text)
        except TalkUnreadable as error:
            self._control.refuse(0, "malformed", str(error))
            return
        run = self._board.get(request.job_id)
        if run is None:
            why = f"this worker is not at job {request.job_id}"
            self._control.send(Refused(id=request.id, code="unknown_job", why=why).text())
        elif isinstance(request, Attach):
            self._attach(request, run)
        elif len(self._commands) >= MOST_COMMANDS:
            why = f"{MOST_COMMANDS} commands wait already"
            self._control.send(Refused(id=request.id, code="too_many", why=why).text())
        else:
            self._start(self._obey(request, run))

    def _attach(self, request: Attach, run: JobRun) -> None:
        before = self._watching.pop(request.job_id, None)
        if before is not None:
            before.cancel()
        elif len(self._watching) >= MOST_WATCHED:
            why = f"{MOST_WATCHED} jobs are watched already"
            self._control.send(Refused(id=request.id, code="too_many", why=why).text())
            return
        after = request.after if request.run == run.run else 0
        attached = Attached(
            id=request.id,
            job_id=run.job_id,
            run=run.run,
            newest=run.newest,
            missed=not run.reaches_back_to(after),
        )
        self._control.send(attached.text())
        self._watching[request.job_id] = asyncio.create_task(self._tell(run, after))

    async def _tell(self, run: JobRun, after: int) -> None:
        news = asyncio.Event()
        unwatch = run.watch(waker(news))
        try:
            while True:
                news.clear()
                for told in run.since(after):
                    message = JobTold(job_id=run.job_id, told=told).text()
                    if must_arrive(told.event):
                        await self._session.ctl.writable()
                        self._session.ctl.send(message)
                    elif not self._session.progress.queued_bytes:
                        self._session.progress.send(message)
                    after = told.seq
                await news.wait()
        except PeerLost:
            pass
        finally:
            unwatch()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _obey(self, request: GiveCommand, run: JobRun) -> None:
        by = self._session.peer_id
        tell(CommandCame(request.command.name, "live"))
        try:
            answer = await asyncio.to_thread(run.command, request.command, request.command_id, by)
        except Exception:
            log.exception("job %s: the command %s of %s", run.job_id, request.command.name, by)
            answer = CommandAnswer.refused("the worker could not do it; its log says why")
        with suppress(PeerLost):
            said = Answered(id=request.id, command_id=request.command_id, answer=answer)
            self._control.send(said.text())


class JobFiles:
    """What peers may read of jobs, beside the models.

    Args:
        board: the jobs.
        models: where the files of models are.
    """

    def __init__(self, board: JobBoard, models: FileSource | None) -> None:
        self._board = board
        self._models = models

    def find(self, what: What) -> Path:
        """Return where a file lies. Raises ReadRefused."""
        if not what.job_id and self._models is not None:
            return self._models.find(what)
        run = self._board.get(what.job_id) if what.job_id else None
        path = run.find(what.file) if run is not None else None
        if path is None:
            raise ReadRefused(code="unknown_file", why="there is no such file here")
        return path
