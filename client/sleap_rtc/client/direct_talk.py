"""Orchestration: a client's side of handing a job to a worker over one session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sleap_rtc.live.direct_jobs import (
    REPLIES,
    CollectJob,
    JobAccepted,
    JobDeclined,
    JobResult,
    SubmitJob,
    read_direct_reply,
)
from sleap_rtc.live.errors import PeerLost, PeerStalled
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from sleap_rtc.live.control import Control
    from sleap_rtc.live.peer_session import PeerSession

R = TypeVar("R", JobAccepted, JobResult)
ANSWER_WITHIN_S = 30.0


class JobNotTaken(Unreachable):
    """Worker {where} does not take the job: {why}."""


class DirectTalk:
    """Asks one worker.

    Args:
        session: with it.
        control: its `ctl` channel.
    """

    def __init__(self, session: PeerSession, control: Control) -> None:
        self._session = session
        self._control = control
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[JobAccepted | JobDeclined | JobResult]] = {}
        control.on(REPLIES, self._came)

    def next_id(self) -> int:
        """Return the number of the next request."""
        self._last_id += 1
        return self._last_id

    async def submit(self, job: SubmitJob) -> None:
        """Hand a job over, or over again.

        Raises:
            JobNotTaken: the worker does not take it.
            PeerLost: the session ended.
            PeerStalled: no answer came.
        """
        await self._ask(job.id, job.text(), JobAccepted)

    async def collect(self, job_id: str) -> JobResult:
        """Return what became of a job. Raises PeerLost, PeerStalled."""
        request = CollectJob(id=self.next_id(), job_id=job_id)
        return await self._ask(request.id, request.text(), JobResult)

    async def _ask(self, id_: int, text: str, kind: type[R]) -> R:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = answer
        ended = asyncio.ensure_future(self._session.wait_ended())
        try:
            self._control.send(text)
            either: list[asyncio.Future[Any]] = [answer, ended]
            await asyncio.wait(either, timeout=ANSWER_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return self._checked(answer.result(), kind)
            if ended.done():
                raise PeerLost(peer=self._session.peer_id, why=self._session.why_ended)
            raise PeerStalled(peer=self._session.peer_id, got_bytes=0, within_s=ANSWER_WITHIN_S)
        finally:
            del self._waiting[id_]
            ended.cancel()

    def _checked(self, reply: JobAccepted | JobDeclined | JobResult, kind: type[R]) -> R:
        if isinstance(reply, JobDeclined):
            raise JobNotTaken(where=self._session.peer_id, why=reply.why)
        if not isinstance(reply, kind):
            raise PeerLost(peer=self._session.peer_id, why="it answered something else than it was asked")
        return reply

    def _came(self, text: str) -> None:
        reply = read_direct_reply(text)
        if reply is not None and (answer := self._waiting.get(reply.id)) is not None and not answer.done():
            answer.set_result(reply)
