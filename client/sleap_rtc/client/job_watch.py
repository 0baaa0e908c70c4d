"""Orchestration: watches one job over whatever way there is.

It looks at the job's record, calls its worker, listens to the service while no worker can be called, and
tells what is new, once.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from math import inf
from random import random
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.aside import aside
from sleap_rtc.client.live_items import EventsMissed, JobSeen, LogRead, Over, ServiceAway
from sleap_rtc.client.live_path import Call, LivePath, Looks, Whereabouts
from sleap_rtc.client.seen_events import SeenEvents
from sleap_rtc.client.service_ear import ServiceEar, whole_log
from sleap_rtc.client.worker_talk import WorkerTalk
from sleap_rtc.events.job_progress import RunEnded
from sleap_rtc.events.jobs import HELD
from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.peer_session import Path
from sleap_rtc.storage.errors import NotFound, Refused, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from sleap_rtc.client.job_service import JobService
    from sleap_rtc.client.live_items import Item, LinkState
    from sleap_rtc.client.worker_talk import Caller
    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.job_progress import Told

log = logging.getLogger(__name__)

CALL_WITHIN_S = 45.0
PROMISED_S = 120.0
"""How long a job may be promised and not made."""
LAST_WORDS_S = 5.0
"""How long a worker that is done with a job, as its record says, may still tell what it did."""
KEPT_WORDS_S = 20.0
"""How long what the service keeps of a job that has ended is waited for."""


class JobWatch:
    """One job, watched until it has ended.

    Args:
        service: has the record, and tells of the job where its worker cannot be called.
        connect: enters the room. Raises Unreachable, Refused.
        place: the room's id and the job's.
        tell: called with each item.
        engine_missing: why nobody can be called from here; empty if somebody can.
        events: whether events are wanted, and not only a way for commands.
        looks: how often the record is looked at.
    """

    def __init__(
        self,
        service: JobService,
        connect: Callable[[], AbstractAsyncContextManager[Caller]],
        place: tuple[str, str],
        tell: Callable[[Item], None],
        *,
        engine_missing: str = "",
        events: bool = True,
        looks: Looks | None = None,
    ) -> None:
        self.talk: WorkerTalk | None = None
        """The session that there is at the moment."""
        self.job: JobView | None = None
        self._service = service
        self._connect = connect
        self._place = place
        self._tell = tell
        self._events = events
        self._looks = looks or Looks()
        self._path = LivePath(self._now(), engine_missing)
        self._seen = SeenEvents()
        self._told_link: LinkState | None = None
        self._run_ended = 0
        self._changed_at = self._now()
        self._away = False
        self._waiting: set[asyncio.Future[None]] = set()
        self._look_now = asyncio.Event()

    async def run(self) -> None:
        """Watch until the job has ended and everything is told.

        Raises:
            NotFound: there is no such job, or no such room any more.
            Refused: the token is not good any more.
        """
        looking = asyncio.create_task(self._keep_looking())
        others = [asyncio.create_task(work) for work in (self._keep_calling(), self._keep_listening())]
        tasks: list[asyncio.Task[Any]] = [looking, *others]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            job = await looking
            if self._events:
                await self._hear_the_rest(job)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._tell(Over(job))

    @property
    def only_the_service(self) -> bool:
        """Whether a command has to go through the service now, since no worker can be told."""
        return self.job is not None and (not self._path.held or self._now() >= self._path.listens_from())

    async def changed(self, within_s: float = inf) -> None:
        """Wait until the way is another one, or may be."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(news)
        try:
            await asyncio.wait([news], timeout=min(within_s, self._way_changes_in_s()))
        finally:
            self._waiting.discard(news)

    def _way_changes_in_s(self) -> float:
        """Return after which time the way is another one although nothing happens."""
        left_s = self._path.listens_from() - self._now()
        return left_s if left_s > 0 else inf

    def _note(self) -> None:
        """Tell how the way is, if it is another one, and wake whoever waits for it."""
        state = self._path.state(self._now())
        if state != self._told_link:
            self._told_link = state
            self._tell(state)
        for news in self._waiting:
            if not news.done():
                news.set_result(None)

    async def _keep_looking(self) -> JobView:
        promised_until = self._now() + PROMISED_S
        while True:
            self._look_now.clear()
            try:
                job = await aside(lambda: self._service.job(*self._place))
            except NotFound:
                if self.job is not None or self._now() > promised_until:
                    raise
            except (Unreachable, ServiceProblem) as error:
                self._service_away(f"{error} The job goes on; trying again.")
            else:
                self._service_away("")
                await self._look_at(job)
                if job.ended:
                    return job
            pause_s = self._looks.pause_s(self._now() - self._changed_at, live=self._path.is_live)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._look_now.wait()

    async def _look_at(self, job: JobView) -> None:
        seen, before, self.job = JobSeen(job), self.job, job
        if not seen.says_no_more_than(before):
            self._changed_at = self._now()
            self._tell(seen)
        if job.state not in HELD:
            await self._hear_last_words()
        self._path.seen(Whereabouts.of(job, self._run_ended), self._now())
        self._note()

    async def _hear_last_words(self) -> None:
        until = self._now() + LAST_WORDS_S
        while (
            self.talk is not None and self._run_ended < self._seen.run and (left_s := until - self._now()) > 0
        ):
            await self.changed(left_s)

    def _service_away(self, text: str) -> None:
        if bool(text) != self._away:
            self._away = bool(text)
            self._tell(ServiceAway(text))

    async def _keep_calling(self) -> None:
        while True:
            step = self._path.next(self._now())
            if isinstance(step, Call):
                await self._talk_while_wanted(step)
            else:
                await self.changed(step.until - self._now())
            self._note()

    async def _talk_while_wanted(self, call: Call) -> None:
        talking = asyncio.create_task(self._talk(call))
        try:
            while not talking.done() and self._is_wanted(call):
                news = asyncio.create_task(self.changed())
                await asyncio.wait([talking, news], return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self._note()
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)

    def _is_wanted(self, call: Call) -> bool:
        target = self._path.target
        same_peer = target is not None and target.peer_id == call.peer_id
        # The session may tell of a newer run before the record does.
        return same_peer and target is not None and target.run <= max(call.run, self._seen.run)

    async def _talk(self, call: Call) -> None:
        talk: WorkerTalk | None = None
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                talk = await WorkerTalk.begin(self._connect, call.peer_id, self._place[1])
                attached = None
                if self._events:
                    attached = await talk.attachment.attach(self._seen.run, self._seen.after)
            run = call.run if attached is None else attached.run
            if attached is not None and attached.missed:
                self._tell(EventsMissed(run))
            self.talk = talk
            self._path.connected(run, self._now(), relayed=talk.session.path is Path.RELAYED)
            self._note()
            while True:
                self._take(await talk.attachment.next())
        except PeerLost as error:
            self._path.cut(error.why, self._now(), random())  # noqa: S311 - jitter
        except TimeoutError:
            self._failed(f"no answer within {CALL_WITHIN_S:g} s")
        except Exception as error:
            if not isinstance(error, SleapRtcError):
                log.exception("call of %s", call.peer_id)
            self._failed(str(getattr(error, "why", error)), refused=isinstance(error, Refused))
        finally:
            self.talk = None
            if talk is not None:
                await talk.end()

    def _failed(self, why: str, *, refused: bool = False) -> None:
        self._path.failed(why, self._now(), random(), refused=refused)  # noqa: S311 - jitter
        self._look_now.set()  # it may be elsewhere by now

    def _take(self, told: Told) -> None:
        if not self._seen.is_news(told):
            return
        self._tell(told)
        if isinstance(told.event, RunEnded):
            self._run_ended, self._changed_at = told.run, self._now()
            self._look_now.set()
            self._note()

    async def _keep_listening(self) -> None:
        while True:
            while not self._events or self._now() < self._path.listens_from():
                await self.changed()
            self._note()
            ear = self._ear()
            try:
                while self._now() >= self._path.listens_from():
                    await self.changed()
            finally:
                ear.close()

    async def _hear_the_rest(self, job: JobView) -> None:
        """Hear what is kept of a job that has ended, if its worker has not told the end."""
        if self._was_told(job):
            return
        ear = self._ear()
        with suppress(TimeoutError):
            async with asyncio.timeout(KEPT_WORDS_S):
                await ear.ended.wait()
        ear.close()
        if not self._was_told(job):
            with suppress(SleapRtcError):
                if text := await aside(lambda: whole_log(self._service, self._place)):
                    self._tell(LogRead(text))

    def _was_told(self, job: JobView) -> bool:
        return 0 < job.fencing <= self._run_ended

    def _ear(self) -> ServiceEar:
        return ServiceEar(self._service, self._place, self._seen.position, self._take)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
