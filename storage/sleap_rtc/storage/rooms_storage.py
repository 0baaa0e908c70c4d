"""Orchestration: the storages of many rooms, kept, so that one that was read before costs little to read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from sleap_rtc.storage.object_store import ObjectStore

_MOST_ROOMS = 128


class RoomsStorage:
    """Hands out one `RoomStorage` per room; the rooms that nobody asked for the longest are forgotten.

    Args:
        store: the rooms bucket.
        bucket: its name.
    """

    def __init__(self, store: ObjectStore, bucket: str) -> None:
        self._store = store
        self._bucket = bucket
        self._held: OrderedDict[str, RoomStorage] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, room_id: str) -> RoomStorage:
        """Return the storage of a room."""
        with self._lock:
            found = self._held.pop(room_id, None) or RoomStorage(room_id, self._store, self._bucket)
            self._held[room_id] = found
            if len(self._held) > _MOST_ROOMS:
                self._held.popitem(last=False)
        return found
