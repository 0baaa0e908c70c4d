"""Orchestration: a watcher's side of one session: what a worker tells of a job, and commands to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sleap_rtc.live.errors import PeerLost, TalkRefused
from sleap_rtc.live.job_talk import (
    REPLIES,
    Answered,
    Attach,
    Attached,
    GiveCommand,
    JobTold,
    Refused,
    read_job_reply,
)

if TYPE_CHECKING:
    from sleap_rtc.events.job_commands import Command, CommandAnswer
    from sleap_rtc.events.job_progress import Told
    from sleap_rtc.live.control import Control
    from sleap_rtc.live.peer_session import PeerSession

ANSWER_WITHIN_S = 30.0
"""A stop answers once a checkpoint is written."""


class JobAttachment:
    """Watches one job over one session. What must arrive comes in order; the rest in between, or not.

    Args:
        session: with the worker.
        control: its `ctl` channel.
        job_id: the job.
    """

    def __init__(self, session: PeerSession, control: Control, job_id: str) -> None:
        self._session = session
        self._control = control
        self._job_id = job_id
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._told: asyncio.Queue[Told | None] = asyncio.Queue()
        control.on(REPLIES, self._came)
        session.progress.listen(self._came)

    async def attach(self, run: int = 0, after: int = 0) -> Attached:
        """Begin to be told of the job, from behind an event of a run.

        Raises:
            TalkRefused: the worker is not at this job.
            PeerLost: the session ended.
            TimeoutError: no answer came.
        """
        request = Attach(id=self._next_id(), job_id=self._job_id, run=run, after=after)
        attached: Attached = await self._ask(request.id, request.text())
        return attached

    async def command(self, command: Command, command_id: str) -> CommandAnswer:
        """Have the worker do something, and return what came of it.

        Raises:
            TalkRefused: the worker is not at this job.
            PeerLost: the session ended; the same command may be given again over another one.
            TimeoutError: no answer came; likewise.
        """
        request = GiveCommand(id=self._next_id(), job_id=self._job_id, command_id=command_id, command=command)
        answered: Answered = await self._ask(request.id, request.text())
        return answered.answer

    async def next(self) -> Told:
        """Return the next event. Raises PeerLost."""
        next_ = asyncio.ensure_future(self._told.get())
        ended = asyncio.ensure_future(self._session.wait_ended())
        try:
            await asyncio.wait([next_, ended], return_when=asyncio.FIRST_COMPLETED)
            if next_.done() and (told := next_.result()) is not None:
                return told
            raise PeerLost(peer=self._session.peer_id, why=self._session.why_ended)
        finally:
            next_.cancel()
            ended.cancel()

    async def _ask(self, id_: int, text: str) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = answer
        ended = asyncio.ensure_future(self._session.wait_ended())
        try:
            self._control.send(text)
            either: list[asyncio.Future[Any]] = [answer, ended]
            done, _ = await asyncio.wait(either, timeout=ANSWER_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if answer in done:
                return answer.result()
            if ended in done:
                raise PeerLost(peer=self._session.peer_id, why=self._session.why_ended)
            raise TimeoutError
        finally:
            del self._waiting[id_]
            ended.cancel()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _came(self, message: str | bytes) -> None:
        reply = read_job_reply(message) if isinstance(message, str) else None
        if isinstance(reply, JobTold):
            if reply.job_id == self._job_id:
                self._told.put_nowait(reply.told)
            return
        if reply is None or (answer := self._waiting.get(reply.id)) is None or answer.done():
            return  # of a newer version, or too late
        if isinstance(reply, Refused):
            answer.set_exception(TalkRefused(code=reply.code, why=reply.why))
        else:
            answer.set_result(reply)
