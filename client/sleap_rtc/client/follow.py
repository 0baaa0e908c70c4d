"""Orchestration: follows a job from the room's notifications and its log until it ends.

Nothing here can harm the job: it goes on when the connection is cut, when the laptop sleeps, and when the
user presses Ctrl-C.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events.jobs import ENDED, Job, JobState
from sleap_rtc.storage.errors import SleapRtcError, Unreachable

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.messages import RoomEvent

_LOG_EVERY_S = 0.7
_RECONNECT_S = 2.0


class Watcher(Protocol):
    """Shows what happens; called from two threads."""

    def on_event(self, event: RoomEvent) -> None:
        """A job moved on."""

    def on_log(self, text: str) -> None:
        """Lines of its log, complete with line ends."""

    def on_trouble(self, text: str) -> None:
        """The connection is cut; it is tried again."""


class LogTail:
    """Shows what is new in a job's log whenever it is asked to; safe to ask from two threads."""

    def __init__(self, service: ServiceClient, room_id: str, job_id: str, watcher: Watcher) -> None:
        self._service = service
        self._room_id = room_id
        self._job_id = job_id
        self._watcher = watcher
        self._after = 0
        self._lock = threading.Lock()

    def catch_up(self) -> None:
        """Show every segment that has not been shown. Raises Unreachable, NotFound."""
        with self._lock:
            while True:
                log = self._service.job_log(self._room_id, self._job_id, self._after)
                for segment in log.segments:
                    self._watcher.on_log(segment.text)
                    self._after = segment.number
                if not log.segments:
                    return

    def run(self, ended: threading.Event) -> None:
        """Catch up at an interval until `ended` is set, and once more then."""
        while not ended.wait(_LOG_EVERY_S):
            self._try()
        self._try()

    def before_event(self) -> None:
        """Catch up, so that lines stand above the event that they led to."""
        self._try()

    def _try(self) -> None:
        with suppress(SleapRtcError):
            self.catch_up()


def follow(service: ServiceClient, room_id: str, job_id: str, watcher: Watcher) -> Job:
    """Show a job's events and log until it ends, and return it as it ended.

    Raises:
        NotFound: the room is gone.
    """
    ended = threading.Event()
    tail = LogTail(service, room_id, job_id, watcher)
    polling = threading.Thread(target=tail.run, args=(ended,), daemon=True)
    polling.start()
    try:
        _follow_events(service, room_id, job_id, watcher, tail)
    finally:
        ended.set()
    polling.join()
    return service.job(room_id, job_id)


def _follow_events(
    service: ServiceClient, room_id: str, job_id: str, watcher: Watcher, tail: LogTail
) -> None:
    """A job id is a ULID made before its first event, so it is where the room's feed is taken up."""
    last_id, told = job_id, set[str]()
    while True:
        try:
            for event in service.events(room_id, last_id):
                last_id = max(last_id, event.id)
                if event.job_id != job_id or event.key in told:
                    continue
                told.add(event.key)
                tail.before_event()
                watcher.on_event(event)
                if JobState(event.state) in ENDED:
                    return
        except Unreachable as error:
            watcher.on_trouble(str(error))
        time.sleep(_RECONNECT_S)
