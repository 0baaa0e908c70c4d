"""Orchestration: follows a job from the room's notifications and its log until it ends.

Nothing here can harm the job: it goes on when the connection is cut, when the laptop sleeps, and when the
user presses Ctrl-C.
"""

from __future__ import annotations

import threading
import time
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


def follow(service: ServiceClient, room_id: str, job_id: str, watcher: Watcher) -> Job:
    """Show a job's events and log until it ends, and return it as it ended.

    Raises:
        NotFound: the room is gone.
    """
    ended = threading.Event()
    tail = threading.Thread(target=_follow_log, args=(service, room_id, job_id, watcher, ended), daemon=True)
    tail.start()
    try:
        _follow_events(service, room_id, job_id, watcher)
    finally:
        ended.set()
    tail.join()
    return service.job(room_id, job_id)


def _follow_events(service: ServiceClient, room_id: str, job_id: str, watcher: Watcher) -> None:
    """A job id is a ULID made before its first event, so it is where the room's feed is taken up."""
    last_id, told = job_id, set[str]()
    while True:
        try:
            for event in service.events(room_id, last_id):
                last_id = max(last_id, event.id)
                if event.job_id != job_id or event.key in told:
                    continue
                told.add(event.key)
                watcher.on_event(event)
                if JobState(event.state) in ENDED:
                    return
        except Unreachable as error:
            watcher.on_trouble(str(error))
        time.sleep(_RECONNECT_S)


def _follow_log(
    service: ServiceClient, room_id: str, job_id: str, watcher: Watcher, ended: threading.Event
) -> None:
    after = 0
    while True:
        last_look = ended.is_set()
        try:
            after = show_log(service, room_id, job_id, watcher, after)
        except SleapRtcError:
            if last_look:
                return
        if last_look:
            return
        ended.wait(_LOG_EVERY_S)


def show_log(service: ServiceClient, room_id: str, job_id: str, watcher: Watcher, after: int = 0) -> int:
    """Show the log's segments after one; return the number of the last."""
    while True:
        log = service.job_log(room_id, job_id, after)
        for segment in log.segments:
            watcher.on_log(segment.text)
            after = segment.number
        if not log.segments:
            return after
