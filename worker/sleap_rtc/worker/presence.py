"""Orchestration: a worker says in its room that it is there, so that people see why a job waits."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.workers import BELIEVED_FOR, CHECK_IN_EVERY_S, WorkerView
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.job_desk import JobDesk

log = logging.getLogger(__name__)


class Presence:
    """Checks in at an interval and, at the end, out.

    Args:
        desk: where.
        view: what does not change: room, worker, kind, trainer, since when, its name among live peers.
        job_id: returns the job under way.
        models: returns the models that it reads out to live peers.
    """

    def __init__(
        self,
        desk: JobDesk,
        view: WorkerView,
        job_id: Callable[[], str | None],
        models: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._desk = desk
        self._view = view
        self._job_id = job_id
        self._models = models
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self.worker_id = view.worker_id

    async def run(self, stop: asyncio.Event) -> None:
        """Check in until `stop` is set."""
        self._loop = asyncio.get_running_loop()
        while not stop.is_set():
            self._news.clear()
            await self._check_in(datetime.now(UTC) + BELIEVED_FOR)
            waits = [asyncio.ensure_future(event.wait()) for event in (stop, self._news)]
            await asyncio.wait(waits, timeout=CHECK_IN_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        await self._check_in(datetime.now(UTC))

    def check_in_now(self) -> None:
        """Check in before it is time to, because there is news; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    async def _check_in(self, until: datetime) -> None:
        models = await asyncio.to_thread(self._models)
        view = self._view.model_copy(update={"until": until, "job_id": self._job_id(), "models": models})
        try:
            await asyncio.to_thread(self._desk.check_in, view)
        except SleapRtcError as error:
            log.warning("the room was not told that this worker is there: %s", error)
