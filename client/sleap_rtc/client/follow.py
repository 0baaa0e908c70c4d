"""Orchestration: follows a job from the room's notifications and its log until it ends.

Nothing here can harm the job: it goes on when the connection is cut, when the laptop sleeps, and when the
user presses Ctrl-C. Notifications can be lost, so the job itself is looked at now and then; that also shows
why it waits.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.client.connection import Connection, ConnectionWatcher
from sleap_rtc.client.room_listener import RoomListener
from sleap_rtc.events.jobs import ENDED, WAITING, JobState
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.events.span_table import NOTIFIED, messaging
from sleap_rtc.events.tracing import child
from sleap_rtc.events.waiting import WaitCause
from sleap_rtc.storage.errors import NotFound, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.waiting import Waiting

_LOG_EVERY_S = 0.7
_LOOK_EVERY_S = 5.0
_NO_LONGER_S = 0.5
"""Of one wait: Ctrl-C is not heard within it everywhere."""


class Watcher(ConnectionWatcher, Protocol):
    """Shows what happens; called from two threads."""

    def on_event(self, event: RoomEvent) -> None:
        """A job moved on."""

    def on_log(self, text: str) -> None:
        """Lines of its log, complete with line ends."""

    def on_waiting(self, waiting: Waiting) -> None:
        """The job waits, and the reason or the position is new."""


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
            self.try_to_catch_up()
        self.try_to_catch_up()

    def try_to_catch_up(self) -> None:
        """Catch up if the service answers."""
        with suppress(SleapRtcError):
            self.catch_up()


def follow(service: ServiceClient, room_id: str, job_id: str, watcher: Watcher) -> Job:
    """Show a job's events and log until it ends, and return it as it ended.

    The job may be one that is promised and not made yet.

    Raises:
        NotFound: the room is gone.
        Refused: the token is not good any more.
    """
    ended = threading.Event()
    tail = LogTail(service, room_id, job_id, watcher)
    polling = threading.Thread(target=tail.run, args=(ended,), daemon=True)
    polling.start()
    try:
        job = _Following(service, room_id, job_id, watcher, tail).to_the_end()
    finally:
        ended.set()
    polling.join()
    return job


class _Following:
    """A job id is a ULID made before its first event, so it is where the room's feed is taken up."""

    def __init__(
        self, service: ServiceClient, room_id: str, job_id: str, watcher: Watcher, tail: LogTail
    ) -> None:
        self._service = service
        self._room_id = room_id
        self._job_id = job_id
        self._watcher = watcher
        self._tail = tail
        self._connection = Connection(watcher)
        self._told: set[str] = set()
        self._waiting: Waiting | None = None
        self._ended: Job | None = None
        self._look_at = time.monotonic() + _LOOK_EVERY_S

    def to_the_end(self) -> Job:
        """Tell everything; whoever comes after the end is told what there is and not kept waiting."""
        self._look()
        if self._ended is not None:
            self._tail.try_to_catch_up()
            return self._tell_the_end(self._ended)
        listener = RoomListener(self._service, self._room_id, self._job_id)
        try:
            return self._listen(listener)
        finally:
            listener.close()

    def _listen(self, listener: RoomListener) -> Job:
        while True:
            event = self._heard(listener)
            if event is not None and self._is_new(event):
                self._tail.try_to_catch_up()  # so that lines stand above the event that they led to
                self._watcher.on_event(event)
                if JobState(event.state) in ENDED:
                    _heard_the_end(event)
                    return self._as_it_ended()
                if JobState(event.state) in WAITING:
                    self._look_at = 0
            if time.monotonic() >= self._look_at:
                if self._ended is not None:  # since the last look, and nobody has told us
                    self._tail.try_to_catch_up()
                    return self._tell_the_end(self._ended)
                self._tell_waiting(self._look())
                self._look_at = time.monotonic() + _LOOK_EVERY_S

    def _heard(self, listener: RoomListener) -> RoomEvent | None:
        try:
            return listener.next(_NO_LONGER_S)
        except (Unreachable, ServiceProblem):
            self._look_at = 0  # the look tells whether it is more than a stream that was cut
            return None

    def _is_new(self, event: RoomEvent) -> bool:
        if event.job_id != self._job_id or event.key in self._told:
            return False
        self._told.add(event.key)
        return True

    def _look(self) -> Waiting | None:
        try:
            job = self._service.job(self._room_id, self._job_id)
        except (Unreachable, ServiceProblem) as cut:
            self._connection.cut(cut)
        except NotFound:
            self._connection.answered()  # promised, and not made yet; the stream knows whether the room is
        else:
            self._connection.answered()
            self._ended = job if job.ended else None
            return job.waiting
        return None

    def _tell_waiting(self, now: Waiting | None) -> None:
        if now is None or now == self._waiting:
            return
        if now.cause is not WaitCause.NOTHING or self._waiting is not None:
            self._watcher.on_waiting(now)
            self._waiting = now

    def _tell_the_end(self, job: Job) -> Job:
        event = last_event(job)
        if self._is_new(event):
            self._watcher.on_event(event)
        return job

    def _as_it_ended(self) -> Job:
        while True:
            try:
                return self._service.job(self._room_id, self._job_id)
            except (Unreachable, ServiceProblem) as cut:
                self._connection.cut(cut)
            time.sleep(_LOOK_EVERY_S)


def _heard_the_end(event: RoomEvent) -> None:
    heard = {**messaging("aws.sns", "process", "room-events"), "sleap_rtc.state": event.state}
    with child(NOTIFIED, heard, links=(event.traceparent,)):
        pass


def last_event(job: Job) -> RoomEvent:
    """Return the notification of a job's newest step as the room was to be told it."""
    return RoomEvent.of_step(job, len(job.history) - 1)
