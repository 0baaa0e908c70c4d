"""Orchestration: watches all jobs of a room, from the room's notifications and a look now and then.

The notifications say at once that something happened; the look brings what they do not say (positions,
reasons) and what of them was lost.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from ulid import ULID

from sleap_rtc.client.connection import Connection, ConnectionWatcher
from sleap_rtc.client.follow import last_event
from sleap_rtc.client.room_listener import RoomListener
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.storage.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.jobs import Job

_LOOK_EVERY_S = 5.0
_LOOK_AFTER_EVENT_S = 0.3
"""Events come in bursts; one look is enough for each."""
_NO_LONGER_S = 0.3
_MOST = 1000


class RoomWatcher(ConnectionWatcher, Protocol):
    """Shows the jobs of a room."""

    def on_jobs(self, jobs: list[JobView]) -> None:
        """All jobs that had not ended when the watching began, or came later, as they are now."""

    def on_event(self, event: RoomEvent) -> None:
        """A job moved on."""


def watch(service: ServiceClient, room_id: str, watcher: RoomWatcher) -> None:
    """Show the room's jobs until the user has seen enough.

    Raises:
        Unreachable: the service does not answer at the start; later cuts are shown and survived.
        NotFound: there is no such room (any more).
        Refused: the token is not good (any more).
    """
    _Watching(service, room_id, watcher).run()


class _Watching:
    def __init__(self, service: ServiceClient, room_id: str, watcher: RoomWatcher) -> None:
        self._service = service
        self._room_id = room_id
        self._watcher = watcher
        self._connection = Connection(watcher)
        self._jobs: dict[str, JobView] = {}
        self._told: set[str] = set()
        self._missed: set[str] = set()
        self._heard_of: set[str] = set()
        self._look_at = time.monotonic() + _LOOK_EVERY_S

    def run(self) -> None:
        """Never return."""
        newest = self._service.jobs(self._room_id)
        self._look()
        for job in [*newest, *self._jobs.values()]:
            self._told.update(_keys(job))
        listener = RoomListener(self._service, self._room_id, _start(newest))
        while True:
            event = self._heard(listener)
            if event is not None and self._is_new(event):
                self._watcher.on_event(event)
                self._look_at = min(self._look_at, time.monotonic() + _LOOK_AFTER_EVENT_S)
            if time.monotonic() >= self._look_at:
                self._look_if_it_answers()
                self._look_at = time.monotonic() + _LOOK_EVERY_S

    def _heard(self, listener: RoomListener) -> RoomEvent | None:
        try:
            return listener.next(_NO_LONGER_S)
        except (Unreachable, ServiceProblem):
            self._look_at = 0  # the look tells whether it is more than a stream that was cut
            return None

    def _is_new(self, event: RoomEvent) -> bool:
        if event.kind != "job" or event.key in self._told:
            return False
        self._told.add(event.key)
        self._heard_of.add(event.job_id)
        return True

    def _look_if_it_answers(self) -> None:
        try:
            self._look()
        except (Unreachable, ServiceProblem) as cut:
            self._connection.cut(cut)
        else:
            self._connection.answered()

    def _look(self) -> None:
        found = {job.job_id: job for job in self._service.jobs(self._room_id, _MOST, only_open=True)}
        for job_id in (self._jobs.keys() | self._heard_of) - found.keys():
            known = self._jobs.get(job_id)
            if known is not None and known.ended:
                found[job_id] = known
                continue
            with suppress(NotFound):
                found[job_id] = self._service.job(self._room_id, job_id)
        self._jobs = dict(sorted(found.items()))
        self._tell_what_was_missed(self._jobs.values())
        self._watcher.on_jobs(list(self._jobs.values()))

    def _tell_what_was_missed(self, jobs: Iterable[JobView]) -> None:
        """A step that is still untold at the second look will not be told by anybody else."""
        untold = {event.key: event for event in map(last_event, jobs) if event.key not in self._told}
        for key in self._missed & untold.keys():
            self._watcher.on_event(untold[key])
            self._told.add(key)
        self._missed = untold.keys() - self._told


def _keys(job: Job) -> Iterable[str]:
    return (RoomEvent.of_step(job, index).key for index in range(len(job.history)))


def _start(jobs: list[JobView]) -> str:
    """Return where to take the feed up: at the newest step that is known, by the clocks that wrote it."""
    steps = [edge.at for job in jobs for edge in job.history]
    return str(ULID.from_datetime(max(steps))) if steps else ""
