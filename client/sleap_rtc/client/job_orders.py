"""Orchestration: commands to the worker of a job, over the session that there is, else through the service.

A command keeps its id whichever way it goes and however often: the worker obeys it once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.client.aside import aside
from sleap_rtc.client.job_errors import CommandUnanswered, FileOfJobMissing
from sleap_rtc.events.job_commands import CommandAnswer
from sleap_rtc.events.job_samples import LARGEST_SAMPLE_BYTES, check_sample
from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.live.errors import PeerLost, TalkRefused
from sleap_rtc.live.file_requests import What
from sleap_rtc.storage.errors import SleapRtcError, Unreachable

if TYPE_CHECKING:
    from sleap_rtc.client.job_service import JobService
    from sleap_rtc.client.job_watch import JobWatch
    from sleap_rtc.client.worker_talk import WorkerTalk
    from sleap_rtc.events.job_commands import Command

ANSWER_WITHIN_S = 90.0
"""A stop answers once a checkpoint is written."""
_LOOK_EVERY_S = 0.5


class JobOrders:
    """Commands of one person to one job.

    Args:
        service: takes commands where there is no session.
        watch: has the session.
        place: the room's id and the job's.
    """

    def __init__(self, service: JobService, watch: JobWatch, place: tuple[str, str]) -> None:
        self._service = service
        self._watch = watch
        self._place = place

    async def give(self, command: Command) -> CommandAnswer:
        """Give a command and return its answer.

        Raises:
            InputError: nobody is there to obey it.
            CommandUnanswered: no answer came in time.
            Unreachable, Refused, NotFound: the service does not take it.
        """
        command_id = str(ULID())
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while True:
                    answer = await self._try(command, command_id)
                    if answer is not None:
                        return answer
                    await self._watch.changed(_LOOK_EVERY_S)
        except TimeoutError:
            room_id, job_id = self._place
            raise CommandUnanswered(
                command=command.name, room_id=room_id, job_id=job_id, within_s=ANSWER_WITHIN_S
            ) from None

    async def fetch(self, name: str) -> bytes:
        """Return a picture that a command made.

        Raises:
            FileOfJobMissing: it cannot be had.
            InputError: it is no picture, or too large.
        """
        content = await self._file(name)
        check_sample(name, content)
        return content

    async def _file(self, name: str) -> bytes:
        talk = self._watch.talk
        try:
            if talk is not None:
                what = What(job_id=self._place[1], file=name)
                return await talk.files.read_small(what, LARGEST_SAMPLE_BYTES)
        except SleapRtcError:
            pass  # then the room may have it
        try:
            return await aside(lambda: self._service.sample(*self._place, name))
        except SleapRtcError as error:
            raise FileOfJobMissing(name=name, why=str(error)) from error

    async def _try(self, command: Command, command_id: str) -> CommandAnswer | None:
        """Give the command over the way there is; None if no answer came that way."""
        talk = self._watch.talk
        if talk is not None:
            return await self._tell(talk, command, command_id)
        if self._watch.only_the_service:
            return await self._have_told(command, command_id)
        return None

    async def _tell(self, talk: WorkerTalk, command: Command, command_id: str) -> CommandAnswer | None:
        try:
            return await talk.attachment.command(command, command_id)
        except TalkRefused as refused:
            if refused.code == "unknown_job":
                return await self._have_told(command, command_id)
            return CommandAnswer.refused(refused.why)
        except (PeerLost, TimeoutError):
            return None

    async def _have_told(self, command: Command, command_id: str) -> CommandAnswer | None:
        """Have the service tell the worker; until a session with him stands, which is faster."""
        try:
            view = await aside(lambda: self._service.give_command(*self._place, command_id, command))
            while view.answer is None and self._watch.talk is None:
                await self._watch.changed(_LOOK_EVERY_S)
                view = await aside(lambda: self._service.command(*self._place, command_id))
        except (Unreachable, ServiceProblem):
            if self._watch.job is None:
                raise
            return None
        return view.answer
