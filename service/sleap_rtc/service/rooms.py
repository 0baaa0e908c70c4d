"""Orchestration: rooms and who may do what in them.

A stranger learns nothing: a room that he is not in and a room that does not exist give the same answer.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.service.identity import WorkersWorkOnly
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound, Refused
from sleap_rtc.storage.room import OwnersOnly, Room, RoomIdTaken
from sleap_rtc.storage.room_changes import Opened
from sleap_rtc.storage.room_record import RoomRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.rate_limits import RateLimits
    from sleap_rtc.storage.object_store import ObjectStore

_ID_CHARS = 8
_TRIES = 8


class Rooms:
    """All rooms.

    Args:
        store: the rooms bucket.
        prepare: makes what a new room needs besides its record (its job queue).
        limits: count who enters; only those who may, so that nobody else can use a room's up.
    """

    def __init__(
        self, store: ObjectStore, prepare: Callable[[str], None], limits: RateLimits | None = None
    ) -> None:
        self._store = store
        self._rooms = Documents(store, Room)
        self._prepare = prepare
        self._limits = limits

    def create(self, name: str, caller: Caller, submission_id: str = "", *, for_check: bool = False) -> Room:
        """Open a room; whoever opens it owns it. The same submission again is the same room.

        One that is there `for_check` can be removed again.

        Raises:
            WorkersWorkOnly: it is a worker.
        """
        if caller.works_in:
            raise WorkersWorkOnly(room_id=caller.works_in)
        opening = submission_id or secrets.token_hex(16)
        change = Opened(name=name, by=caller.subject, by_name=caller.name, opening=opening)
        for attempt in range(_TRIES):
            room_id = _room_id(caller.subject, opening, attempt)
            if for_check:
                room_id = f"{keys.CHECK_ROOM}{room_id}"
            self._prepare(room_id)
            try:
                return RoomRecord(room_id, self._store).change(change, caller.subject, datetime.now(UTC))
            except RoomIdTaken:
                continue
        raise RoomIdTaken(room_id=room_id)

    def list(self, caller: Caller) -> list[Room]:
        """Return the rooms that the caller is a member of, or works in (one GET per room)."""
        found = []
        for room_id in [caller.works_in] if caller.works_in else self._store.folders():
            try:
                room = self._rooms.read(keys.room_key(keys.checked_room_id(room_id))).value
            except (NotFound, InputError):
                continue
            if caller.works_in or room.role_of(caller.subject):
                found.append(room)
        return sorted(found, key=lambda room: room.created_at)

    def enter(self, room_id: str, caller: Caller, *, to_write: bool = False) -> Room:
        """Return a room that the caller is a member of, or that his worker's token is of (one GET).

        Raises:
            NotFound: there is no such room, or he is not in it.
            TooManyRequests: the room had too many within a minute.
            Refused: he may only read.
        """
        try:
            room = self._rooms.read(keys.room_key(keys.checked_room_id(room_id))).value
        except (NotFound, InputError):
            raise NotFound(what=f"room {room_id}") from None
        if caller.works_in == room_id:  # that the token holds was looked up when it was verified
            return room
        role = room.role_of(caller.subject)
        if role is None or caller.works_in:
            raise NotFound(what=f"room {room_id}")
        if self._limits is not None:
            self._limits.spend("room", room_id)
        if to_write and role == "reader":
            raise Refused(where="The service", why=f"you may only read in room {room_id}")
        return room

    def own(self, room_id: str, caller: Caller) -> Room:
        """Return a room that the caller is an owner of.

        Raises:
            NotFound: there is no such room, or he is not in it.
            OwnersOnly: he is in it, and not its owner.
        """
        room = self.enter(room_id, caller)
        if room.role_of(caller.subject) != "owner":
            raise OwnersOnly(room_id=room_id)
        return room


def _room_id(subject: str, opening: str, attempt: int) -> str:
    """Return an id that follows from the request, so that a repetition finds what the first one made."""
    return hashlib.sha256(f"{subject}\0{opening}\0{attempt}".encode()).hexdigest()[:_ID_CHARS]
