"""Orchestration: changes that wait to be made, together with another writer's own.

    {room_id}/pending/{ulid}.json    one change; whoever makes it deletes it

Where many writers want to write the next number, one of them writes for all who wait: he whose proposal is
the oldest. The others look now and then whether theirs is made, and write themselves only where nothing was
made for some time, the next oldest first: a writer who died holds nobody up for long, and what he proposed is
made with the rest. Only changes that may be made by anybody and twice are proposed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic

from ulid import ULID

from sleap_rtc.storage.change_log import MOST_TOGETHER, Made, V
from sleap_rtc.storage.document import Document, Documents, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.storage.object_store import ObjectStore

_READERS = 8
_GIVEN_UP_AFTER = timedelta(minutes=5)


class Proposal(Document, Generic[V]):
    """`{room_id}/pending/{ulid}.json`."""

    at: datetime
    made: Made[V]


class Proposals(Generic[V]):
    """The changes that wait in one place.

    Args:
        store: the bucket.
        prefix: what their keys start with.
        kind: `Proposal` of the changes that there are.
    """

    def __init__(self, store: ObjectStore, prefix: str, kind: type[Proposal[V]]) -> None:
        self._store = store
        self._prefix = prefix
        self._kind = kind
        self._documents = Documents(store, kind)
        self._read: dict[str, Made[V]] = {}

    def add(self, made: Made[V], at: datetime) -> str:
        """Propose a change; return its key."""
        key = f"{self._prefix}{ULID()}.json"
        self._documents.create(key, self._kind(at=at, made=made))
        return key

    def withdraw(self, *proposed: str) -> None:
        """Take proposals away: they are made, or their owner gives up."""
        with ThreadPoolExecutor(_READERS) as writers:
            list(writers.map(self._store.delete, proposed))

    def keys(self) -> list[str]:
        """Return the keys of all that wait, the oldest first. Cost: one LIST."""
        return [info.key for info in self._store.list(self._prefix)]

    def others(self, own: str) -> Mapping[str, Made[V]]:
        """Return what else waits by its key, the oldest first, and remove what was given up.

        Cost: one LIST, and one GET for each that was not read before.
        """
        found = [info for info in self._store.list(self._prefix) if info.key != own][: MOST_TOGETHER - 1]
        unread = [info.key for info in found if info.key not in self._read]
        with ThreadPoolExecutor(_READERS) as readers:
            read = {
                key: made for key, made in zip(unread, readers.map(self._get, unread), strict=True) if made
            }
        known = self._read | read
        self._read = {info.key: known[info.key] for info in found if info.key in known}
        for info in found:
            if found[-1].modified - info.modified > _GIVEN_UP_AFTER:
                self._store.delete(info.key)
        return dict(self._read)

    def _get(self, key: str) -> Made[V] | None:
        try:
            return self._documents.read(key).value.made
        except (NotFound, DocumentUnreadable):
            return None
