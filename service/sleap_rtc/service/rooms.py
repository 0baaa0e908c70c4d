"""Orchestration: rooms and who may do what in them.

A stranger learns nothing: a room that he is not in and a room that does not exist give the same answer.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound, Refused
from sleap_rtc.storage.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.service.identity import Caller
    from sleap_rtc.storage.object_store import ObjectStore


class Rooms:
    """All rooms.

    Args:
        store: the rooms bucket.
        prepare: makes what a new room needs besides its record (its job queue).
    """

    def __init__(self, store: ObjectStore, prepare: Callable[[str], None]) -> None:
        self._store = store
        self._rooms = Documents(store, Room)
        self._prepare = prepare

    def create(self, name: str, caller: Caller) -> Room:
        """Open a room; whoever opens it owns it."""
        room = Room(
            room_id=secrets.token_hex(4),
            name=name,
            created_by=caller.subject,
            created_at=datetime.now(UTC),
            members={caller.subject: "owner"},
        )
        self._prepare(room.room_id)
        self._rooms.create(keys.room_key(room.room_id), room)
        return room

    def list(self, caller: Caller) -> list[Room]:
        """Return the rooms that the caller is a member of (one GET per room)."""
        found = []
        for room_id in self._store.folders():
            try:
                room = self._rooms.read(keys.room_key(keys.checked_room_id(room_id))).value
            except (NotFound, InputError):
                continue
            if room.role_of(caller.subject):
                found.append(room)
        return sorted(found, key=lambda room: room.created_at)

    def enter(self, room_id: str, caller: Caller, *, to_write: bool = False) -> Room:
        """Return a room that the caller is a member of.

        Raises:
            NotFound: there is no such room, or he is not in it.
            Refused: he may only read.
        """
        try:
            room = self._rooms.read(keys.room_key(keys.checked_room_id(room_id))).value
        except (NotFound, InputError):
            raise NotFound(what=f"room {room_id}") from None
        role = room.role_of(caller.subject)
        if role is None:
            raise NotFound(what=f"room {room_id}")
        if to_write and role == "reader":
            raise Refused(where="The service", why=f"you may only read in room {room_id}")
        return room
