"""Orchestration: what the people in a room are told.

Each notification is an object of the room's feed first and a message on the topic second: the topic wakes
whoever listens, the feed is what they read, so nobody misses what was said while he was away.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError
from ulid import ULID

from sleap_rtc.events import tracing
from sleap_rtc.events.jobs import ENDED
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.events.span_table import NOTIFY, messaging
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.room import Room

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.manifest import ModelRecord
    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

# Writers' clocks differ and a write takes time, so a replay looks back a little; readers drop what they know.
_OVERLAP = timedelta(seconds=30)


class Topic(Protocol):
    """Wakes every instance of the service."""

    def publish(self, room_id: str) -> None:
        """Say that something happened in a room. Raises Unreachable."""


class RoomFeed:
    """The feeds of all rooms."""

    def __init__(self, store: ObjectStore, topic: Topic) -> None:
        self._store = store
        self._topic = topic

    def tell_job(self, job: Job, edges: int = 1) -> None:
        """Tell the room about the newest edges of a job, one notification for each."""
        for index in range(len(job.history) - edges, len(job.history)):
            self._tell(RoomEvent.of_step(job, index, str(ULID())))

    def tell_model(self, record: ModelRecord, now: datetime, event: str) -> None:
        """Tell the room of a model that was published and ended no job."""
        by = self._name_of(record.trained_by, record.room_id)
        self._tell(RoomEvent.of_model(record, by, now, event, str(ULID())))

    def _name_of(self, subject: str, room_id: str) -> str:
        try:
            return Documents(self._store, Room).read(keys.room_key(room_id)).value.name_of(subject)
        except (NotFound, DocumentUnreadable):
            return subject

    def tell_change(self, room_id: str, key: str, kind: str, words: str, by: str, at: datetime) -> None:
        """Tell the room of a change of its members or models. The change stands, so nothing is raised.

        Args:
            room_id: the room.
            key: of the fact: the log that has it, and its revision there.
            kind: of change.
            words: what it does, a sentence without its full stop.
            by: who made it, as the people in the room know him.
            at: when.
        """
        event = RoomEvent(
            id=str(ULID()), key=key, kind="room", room_id=room_id, state=kind, at=at, by=by, text=words
        )
        try:
            self._tell(event)
        except SleapRtcError as error:
            log.warning("room %s was not told of %s: %s", room_id, key, error)

    def newest(self, room_id: str, most: int) -> list[RoomEvent]:
        """Return what was told last, oldest first (one LIST per 1,000 ever told, one GET each returned)."""
        every = [found.key for found in self._store.list(keys.feed_prefix(room_id))]
        return list(self._read(every[-most:]))

    def _tell(self, event: RoomEvent) -> None:
        if event.kind == "job" and event.state not in ENDED:
            self._put(event)
            return
        sending = {**messaging("aws.sns", "send", "room-events"), "sleap_rtc.state": event.state}
        with tracing.child(NOTIFY, sending) as span:
            self._put(event.model_copy(update={"traceparent": span.traceparent}) if span else event)

    def _put(self, event: RoomEvent) -> None:
        self._store.put(keys.feed_key(event.room_id, event.id), event.model_dump_json().encode(), Overwrite())
        try:
            self._topic.publish(event.room_id)
        except SleapRtcError as error:
            log.warning("nobody was woken for room %s: %s", event.room_id, error)

    def since(
        self, room_id: str, last_id: str = "", known: Container[str] = frozenset()
    ) -> Iterator[RoomEvent]:
        """Yield what was told after `last_id`, and a little before it; all of it without one.

        Args:
            room_id: the room.
            last_id: the id of the last notification that the reader has seen.
            known: ids that are not to be read again.
        """
        prefix = keys.feed_prefix(room_id)
        start = f"{prefix}{_a_little_before(last_id)}" if last_id else prefix
        yield from self._read(
            found.key
            for found in self._store.list(prefix, start)
            if found.key.removeprefix(prefix).removesuffix(".json") not in known
        )

    def _read(self, found: Iterable[str]) -> Iterator[RoomEvent]:
        for key in found:
            try:
                event = RoomEvent.model_validate_json(self._store.get(key).body)
            except ValidationError:
                log.warning("%s is not a notification that this version can read", key)
            else:
                yield event


def _a_little_before(event_id: str) -> str:
    try:
        moment = ULID.from_str(event_id).datetime - _OVERLAP
    except ValueError:
        return event_id  # a time that no clock shows: there is nothing after it
    return str(ULID.from_datetime(max(moment, datetime.fromtimestamp(0, UTC))))[:10]
