"""Adapter: a job's events as the service tells them, read by a thread of its own until it is closed."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.storage.errors import SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.client.job_service import JobService
    from sleap_rtc.events.job_progress import Told

log = logging.getLogger(__name__)

_AGAIN_AFTER_S = 2.0


class ServiceEar:
    """Listens until the job has ended or `close` is called.

    Args:
        service: tells.
        place: the room's id and the job's.
        position: returns of which run, and behind which of its events, it is taken up; asked after each cut.
        on_told: called with each event, in the loop that is running now.
    """

    def __init__(
        self,
        service: JobService,
        place: tuple[str, str],
        position: Callable[[], tuple[int, int]],
        on_told: Callable[[Told], None],
    ) -> None:
        self.ended = asyncio.Event()
        """Nothing more comes."""
        self._service = service
        self._place = place
        self._position = position
        self._on_told = on_told
        self._loop = asyncio.get_running_loop()
        self._closed = threading.Event()
        threading.Thread(target=self._listen, name="job-events", daemon=True).start()

    def close(self) -> None:
        """Tell nothing any more."""
        self._closed.set()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                for told in self._service.live_events(*self._place, *self._position()):
                    if self._closed.is_set():
                        return
                    self._in_loop(self._on_told, told)
                break
            except (Unreachable, ServiceProblem):
                self._closed.wait(_AGAIN_AFTER_S)
            except SleapRtcError as error:
                log.info("the service tells nothing more of job %s: %s", self._place[1], error)
                break
        self._in_loop(self.ended.set)

    def _in_loop(self, work: Callable[..., None], *about: Told) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(work, *about)


def whole_log(service: JobService, place: tuple[str, str]) -> str:
    """Return the log of a job as far as it is kept. Raises Unreachable, NotFound, Refused."""
    text, after = "", 0
    while segments := service.job_log(*place, after).segments:
        text += "".join(segment.text for segment in segments)
        after = segments[-1].number
    return text
