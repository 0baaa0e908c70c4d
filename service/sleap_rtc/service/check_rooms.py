"""Orchestration: removes rooms that were opened to check the service, with all that is in them.

Of no other room is anything removed here: what people keep in a room is theirs. Its record goes last, so that
a removal that was cut off can be asked for again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.storage.object_store import ObjectStore


class CheckRooms:
    """The rooms of checks.

    Args:
        uploads: the uploads bucket.
        store: the rooms bucket.
        rooms: tells whose a room is.
        drop_queue: removes the job queue of a room.
    """

    def __init__(
        self, uploads: ObjectStore, store: ObjectStore, rooms: Rooms, drop_queue: Callable[[str], None]
    ) -> None:
        self._uploads = uploads
        self._store = store
        self._rooms = rooms
        self._drop_queue = drop_queue

    def remove(self, room_id: str, caller: Caller) -> None:
        """Remove a room.

        Raises:
            NotFound: there is no such room, or the caller is not in it.
            OwnersOnly: he is in it, and not its owner.
            InputError: it was not opened for a check.
        """
        self._rooms.own(room_id, caller)
        if not keys.is_check_room(room_id):
            raise InputError(
                message=f"Room {room_id} was not opened by `sleap-rtc doctor`, so it is not removed."
            )
        self._drop_queue(room_id)
        _empty(self._uploads, keys.dataset_uploads_prefix(room_id))
        for prefix in (
            keys.open_jobs_prefix(room_id),
            keys.open_uploads_prefix(room_id),
            keys.room_quota_prefix(room_id),
        ):
            _empty(self._store, prefix)
        _empty(self._store, keys.room_prefix(room_id), last=keys.room_key(room_id))


def _empty(store: ObjectStore, prefix: str, last: str = "") -> None:
    for found in list(store.list(prefix)):
        if found.key != last:
            store.delete(found.key)
    if last:
        store.delete(last)
