"""Orchestration: notification streams. A message on the topic wakes every stream of its room; what is sent
is then read from the room's feed, so a stream that reconnects misses nothing."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.events.outcome import Done, Outcome, Poison
from sleap_rtc.events.service_facts import NotificationSent, StreamsOpen
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.messages import RoomEvent
    from sleap_rtc.events.queue import Message

# A lost wake-up costs at most this long.
_LOOK_ANYWAY_S = 10.0


class Streams:
    """The streams that are open on this instance."""

    def __init__(self, feed: RoomFeed) -> None:
        self._feed = feed
        self._rooms: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def handle(self, message: Message) -> Outcome:
        """Wake the streams of the room that a topic message names."""
        try:
            room_id = json.loads(message.body)["room_id"]
        except (ValueError, KeyError, TypeError):
            return Poison("not_json", "not a wake-up of ours")
        for waiting in self._rooms.get(room_id, ()):
            waiting.set()
        return Done()

    async def events(self, room_id: str, last_id: str) -> AsyncGenerator[RoomEvent]:
        """Yield the room's notifications after `last_id` for as long as somebody listens."""
        waiting = asyncio.Event()
        self._rooms[room_id].add(waiting)
        self._tell_open()
        known: set[str] = {last_id}
        newest = last_id
        try:
            while True:
                waiting.clear()
                seen = frozenset(known)
                for event in await asyncio.to_thread(self._read, room_id, newest, seen):
                    known.add(event.id)
                    newest = max(newest, event.id)
                    tell(NotificationSent())
                    yield event
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_ANYWAY_S):
                        await waiting.wait()
        finally:
            self._rooms[room_id].discard(waiting)
            self._tell_open()

    def _tell_open(self) -> None:
        tell(StreamsOpen(sum(map(len, self._rooms.values()))))

    def newest(self, room_id: str, most: int) -> list[RoomEvent]:
        """Return what was told last, oldest first."""
        return self._feed.newest(room_id, most)

    def _read(self, room_id: str, last_id: str, known: frozenset[str]) -> list[RoomEvent]:
        return list(self._feed.since(room_id, last_id, known))
