"""Orchestration: model folders that no revision of a room's manifest names, found and removed after a grace.

No change takes a model out of a manifest (a removed one is only hidden), so the newest one names every model
that any revision names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sleap_rtc.storage import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from datetime import datetime, timedelta

    from sleap_rtc.storage.object_store import ObjectInfo, ObjectStore


@dataclass(frozen=True)
class Orphan:
    """A folder that no revision names, and the keys in it."""

    folder: keys.ModelFolder
    size_bytes: int
    modified: datetime
    keys: tuple[str, ...] = ()


class Orphans:
    """The orphans of one room.

    Args:
        room_id: the room.
        store: the rooms bucket.
        named: returns the ids of all models that a revision names; what it raises, every method raises.
    """

    def __init__(self, room_id: str, store: ObjectStore, named: Callable[[], Container[str]]) -> None:
        self._room_id = room_id
        self._store = store
        self._named = named

    def find(self, grace: timedelta, now: datetime) -> list[Orphan]:
        """Return the orphans in which nothing was written for the time of grace.

        Args:
            grace: longer than an upload of a model and the sweep that publishes it may take.
            now: the present time.
        """
        named = self._named()
        found: dict[keys.ModelFolder, Orphan] = {}
        for info in self._store.list(keys.models_prefix(self._room_id)):
            folder = keys.parse_model_key(f"{'/'.join(info.key.split('/')[:3])}{keys.MODEL_MARKER}")
            if folder is not None and folder.model_id not in named:
                found[folder] = _joined(found.get(folder) or Orphan(folder, 0, info.modified), info)
        return [orphan for orphan in found.values() if now - orphan.modified > grace]

    def remove(self, grace: timedelta, now: datetime) -> list[Orphan]:
        """Delete the orphans and return them."""
        found = self.find(grace, now)
        named = self._named()  # while they were looked for, somebody may have published one
        removed = [orphan for orphan in found if orphan.folder.model_id not in named]
        for orphan in removed:
            # The record first: without it nobody publishes a folder that is half gone.
            for key in sorted(orphan.keys, key=lambda key: key != orphan.folder.record):
                self._store.delete(key)
        return removed


def _joined(orphan: Orphan, info: ObjectInfo) -> Orphan:
    return replace(
        orphan,
        size_bytes=orphan.size_bytes + info.size_bytes,
        modified=max(orphan.modified, info.modified),
        keys=(*orphan.keys, info.key),
    )
