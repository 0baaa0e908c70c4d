"""Orchestration: the record of one room and its log: who is in it, and what happened to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage import keys
from sleap_rtc.storage.change_log import Entry, Revision
from sleap_rtc.storage.ledger import Ledger, Places
from sleap_rtc.storage.proposals import Proposal
from sleap_rtc.storage.room import Room
from sleap_rtc.storage.room_changes import RoomChange

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.storage.object_store import ObjectStore


class RoomRecord:
    """One room's members. Whether somebody may enter is read from the view alone, which shows every change
    before that is acknowledged (one GET).

    Args:
        room_id: the room.
        store: the rooms bucket.
    """

    def __init__(self, room_id: str, store: ObjectStore) -> None:
        places = Places(
            keys.room_key(room_id),
            keys.room_log_prefix(room_id),
            keys.room_snapshots_prefix(room_id),
            keys.room_pending_prefix(room_id),
        )
        self._ledger: Ledger[Room, RoomChange] = Ledger(
            store, places, Room.unopened(room_id), Entry[RoomChange], Proposal[RoomChange]
        )

    def change(self, change: RoomChange, by: str, at: datetime) -> Room:
        """Make a change and return the room as it is then. What the change raises is raised here."""
        return self._ledger.append(change, by, at)

    def history(self, most: int) -> list[Revision[RoomChange]]:
        """Return who changed what, the newest first, as far as the log has it."""
        return self._ledger.revisions(most)
