"""Orchestration: watches all that happens in a room: its members, its models and its jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ulid import ULID

from sleap_rtc.client.connection import Connection, ConnectionWatcher
from sleap_rtc.client.room_listener import RoomListener
from sleap_rtc.events.service_http import ServiceProblem
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.messages import RoomEvent

_PROBE_EVERY_S = 5.0
_NO_LONGER_S = 0.3
_AT_LEAST = 10


class NewsWatcher(ConnectionWatcher, Protocol):
    """Shows what happens."""

    def on_event(self, event: RoomEvent) -> None:
        """Something happened."""


def watch(
    service: ServiceClient, room_id: str, watcher: NewsWatcher, last: int, since: datetime | None
) -> None:
    """Show what happens in a room until the user has seen enough.

    Args:
        service: has the stream.
        room_id: the room.
        watcher: shows it.
        last: how much of what was told before is shown first.
        since: from when on it is shown instead.

    Raises:
        Unreachable: the service does not answer at the start; later cuts are shown and survived.
        NotFound: there is no such room (any more), or the caller is not in it.
        Refused: the token is not good (any more).
    """
    _Watching(service, room_id, watcher).run(last, since)


class _Watching:
    def __init__(self, service: ServiceClient, room_id: str, watcher: NewsWatcher) -> None:
        self._service = service
        self._room_id = room_id
        self._watcher = watcher
        self._connection = Connection(watcher)
        self._told: set[str] = set()
        self._probe_at: float | None = None

    def run(self, last: int, since: datetime | None) -> None:
        """Never return."""
        known = self._service.newest_events(self._room_id, max(last, _AT_LEAST))
        if since is None:
            for earlier in known[max(0, len(known) - last) :]:
                self._watcher.on_event(earlier)
            self._told = {event.key for event in known}
            oldest, newest = (known[0].id, known[-1].id) if known else ("", "")
        else:
            oldest = newest = str(ULID.from_datetime(since))
        listener = RoomListener(self._service, self._room_id, newest)
        while True:
            event = self._heard(listener)
            # The stream looks back a little, for what was written late; what is older still is history.
            if event is not None and event.id >= oldest and event.key not in self._told:
                self._told.add(event.key)
                self._watcher.on_event(event)
            self._probe_if_due()

    def _heard(self, listener: RoomListener) -> RoomEvent | None:
        try:
            return listener.next(_NO_LONGER_S)
        except (Unreachable, ServiceProblem):
            self._probe_at = 0.0
            return None

    def _probe_if_due(self) -> None:
        """After a cut, find out whether it is more than a stream that was cut."""
        if self._probe_at is None or time.monotonic() < self._probe_at:
            return
        try:
            self._service.newest_events(self._room_id, 1)
        except (Unreachable, ServiceProblem) as cut:
            self._connection.cut(cut)
            self._probe_at = time.monotonic() + _PROBE_EVERY_S
        else:
            self._connection.answered()
            self._probe_at = None
