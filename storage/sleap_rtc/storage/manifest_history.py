"""Orchestration: the immutable log of a room's manifest, one entry for each revision.

An entry holds the whole manifest, so that the newest one can stand in for a lost manifest. A writer that dies
between the manifest and its entry leaves a gap; the next entry tells both changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.manifest import Manifest
from sleap_rtc.storage.manifest_diff import diff

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.storage.object_store import ObjectStore


@dataclass(frozen=True)
class Revision:
    """What one revision changed, in words; `revision_id` is the unique id of its write."""

    revision: int
    revision_id: str
    at: datetime | None
    changes: tuple[str, ...]


class ManifestHistory:
    """The log of one room. Every method may raise DocumentUnreadable."""

    def __init__(self, room_id: str, store: ObjectStore) -> None:
        self._room_id = room_id
        self._store = store
        self._entries = Documents(store, Manifest)

    def keep(self, manifest: Manifest) -> None:
        """Write a revision's entry unless there is one."""
        self._entries.keep(keys.manifest_log_key(self._room_id, manifest.revision), manifest)

    def newest(self) -> Manifest | None:
        """Return the newest entry, None where there is no log."""
        found = self._keys()
        return self._entries.read(found[-1]).value if found else None

    def revisions(self, most: int) -> list[Revision]:
        """Return at most so many of the newest revisions, the newest first. Cost: one GET for each."""
        found = self._keys()
        read = [self._entries.read(key).value for key in found[-most - 1 :]]
        if len(found) <= most:
            read.insert(0, Manifest(room_id=self._room_id))
        told = [
            Revision(after.revision, after.revision_id, after.updated_at, diff(before, after))
            for before, after in pairwise(read)
        ]
        return told[::-1]

    def diff(self, before: int, after: int) -> tuple[str, ...]:
        """Return in words what changed between two revisions.

        Raises:
            NotFound: the log has no such revision.
        """
        old, new = (self._entries.read(keys.manifest_log_key(self._room_id, n)) for n in (before, after))
        return diff(old.value, new.value)

    def _keys(self) -> list[str]:
        return [info.key for info in self._store.list(keys.manifest_log_prefix(self._room_id))]
