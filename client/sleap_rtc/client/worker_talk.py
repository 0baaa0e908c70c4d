"""Orchestration: a session with a worker about one of its jobs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.live.control import Control
from sleap_rtc.live.file_reader import FileReader
from sleap_rtc.live.job_attachment import JobAttachment

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from sleap_rtc.live.peer_session import PeerSession

_CLOSE_WITHIN_S = 2.0


class Caller(Protocol):
    """Makes sessions with workers of a room."""

    async def call(self, peer_id: str) -> PeerSession:
        """Make a session. Raises Unreachable, Refused."""


@dataclass(frozen=True)
class WorkerTalk:
    """What goes over a session about a job: events, commands, files."""

    session: PeerSession
    attachment: JobAttachment
    files: FileReader

    @classmethod
    async def begin(
        cls, connect: Callable[[], AbstractAsyncContextManager[Caller]], peer_id: str, job_id: str
    ) -> WorkerTalk:
        """Call a worker. The room is left once it has answered: a session needs it no longer.

        Args:
            connect: enters the room.
            peer_id: whom to call.
            job_id: about which job.

        Raises:
            Unreachable, Refused: the worker cannot be reached, or the room not be entered.
        """
        async with connect() as room:
            session = await room.call(peer_id)
        control = Control(session)
        talk = cls(session, JobAttachment(session, control, job_id), FileReader(session))
        control.listen()
        return talk

    async def end(self) -> None:
        """Say goodbye, if that can be done soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self.session.close("it is not needed any more")
