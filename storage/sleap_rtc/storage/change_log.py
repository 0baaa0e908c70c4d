"""Adapter: the immutable numbered log of a ledger, and the snapshots that make a replay short.

    {room_id}/log/000000000042.json        changes 42 and following, created with If-None-Match
    {room_id}/snapshots/000000000100.json  the state after some revisions

An entry has several changes where one writer wrote for several; each of them is a revision.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel

from sleap_rtc.storage.document import Document, Documents
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.storage_facts import LogWritten
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

MOST_TOGETHER = 100
"""How many changes may go into one entry: more would make it slow to read."""
_READERS = 16
_MANY_REVISIONS = 1_000


class Logged(Document):
    """What every state has that a log makes: which revision it is, and since when."""

    revision: int = 0
    updated_at: datetime | None = None


S = TypeVar("S", bound=Logged)
V = TypeVar("V")


class Change(Protocol):
    """A change as a value: applied to one state it always makes the same other one.

    One that `joins` may be made by any writer together with his own: it is harmless twice, and what it is
    refused for once it is refused for always.
    """

    joins: ClassVar[bool]

    def apply(self, state: Any, at: datetime) -> Any:
        """Return the changed state; the very same where there is nothing to change. Raises SleapRtcError."""

    def words(self) -> str:
        """Say what it does, a sentence without its full stop."""


C = TypeVar("C", bound=Change)


class Made(BaseModel, Generic[V]):
    """A change, and who makes it."""

    by: str
    change: V


class Entry(Document, Generic[V]):
    """One entry of the log; `revision` is that of its first change."""

    revision: int
    at: datetime
    made: tuple[Made[V], ...]


@dataclass(frozen=True)
class Revision(Generic[V]):
    """One change: who made it, and when."""

    revision: int
    at: datetime
    by: str
    change: V


class ChangeLog(Generic[S, C]):
    """One log. Every method may raise DocumentUnreadable, Unreachable and Refused.

    Args:
        store: the bucket.
        prefix: what the keys of the entries start with.
        snapshots: what the keys of the snapshots start with.
        empty: the state before the first change.
        entry_kind: `Entry` of the changes that there are.
    """

    def __init__(
        self, store: ObjectStore, prefix: str, snapshots: str, empty: S, entry_kind: type[Entry[C]]
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._snapshots = snapshots
        self._empty = empty
        self._entry_kind = entry_kind
        self._entries = Documents(store, entry_kind, lambda result: tell(LogWritten(result)))
        self._states = Documents(store, type(empty))

    def create(self, state: S, changes: Sequence[Made[C]], write_id: str, at: datetime) -> S | None:
        """Write the next entry, with what of these changes something; return the state that it makes.

        Returns:
            None if somebody else has written that entry.
        """
        after, taken = state, []
        for made in changes:
            changed = _tried(after, made.change, at)
            if changed is not after:
                after = changed
                taken.append(made)
        first = state.revision + 1
        entry = self._entry_kind(write_id=write_id, revision=first, at=at, made=tuple(taken))
        if not self._entries.keep(self._key(first), entry):
            return None
        after = _stamped(after, entry)
        if _is_due(state.revision, after.revision):
            self._states.keep(_numbered(self._snapshots, after.revision), after)
        return after

    def next(self, state: S) -> S | None:
        """Return the state after the next entry, None where there is none yet."""
        entry = self._get(self._key(state.revision + 1))
        return folded(state, entry) if entry else None

    def replayed(self, until: int | None = None) -> S:
        """Return the state that the log makes: all of it, or as far as it goes up to a revision."""
        state = self._empty
        end = None if until is None else _numbered(self._snapshots, until + 1)
        kept = [info.key for info in self._store.list(self._snapshots) if end is None or info.key < end]
        if kept:
            state = self._states.read(kept[-1]).value
        for entry in self._read_all(self._keys(state.revision + 1, until)):
            if entry.revision > state.revision + 1:
                gap = f"{state.revision + 1} to {entry.revision - 1}"
                log.warning("%s lacks revisions %s: what they changed is not known", self._prefix, gap)
            state = folded(state, entry, until)
        return state

    def revisions(self, newest: int, most: int) -> list[Revision[C]]:
        """Return at most so many changes up to the newest, the newest first. Cost: one GET per entry."""
        keys = self._keys(max(1, newest - most - MOST_TOGETHER), newest)
        found = [
            Revision(number, entry.at, made.by, made.change)
            for entry in self._read_all(keys[-most:])
            for number, made in enumerate(entry.made, entry.revision)
        ]
        return found[::-1][:most]

    def _keys(self, first: int, last: int | None) -> list[str]:
        after = self._key(first - 1)
        end = None if last is None else self._key(last)
        return [info.key for info in self._store.list(self._prefix, after) if end is None or info.key <= end]

    def _read_all(self, keys: Iterable[str]) -> Iterator[Entry[C]]:
        with ThreadPoolExecutor(_READERS) as readers:
            yield from filter(None, readers.map(self._get, keys))

    def _get(self, key: str) -> Entry[C] | None:
        try:
            return self._entries.read(key).value
        except NotFound:
            return None

    def _key(self, revision: int) -> str:
        return _numbered(self._prefix, revision)


def folded(state: S, entry: Entry[C], until: int | None = None) -> S:
    """Return the state after an entry, or after its changes up to a revision.

    A change that this state refuses was made in another one, of which the log has lost a part; it is passed
    over, by every reader alike.
    """
    made = entry.made if until is None else entry.made[: until - entry.revision + 1]
    for each in made:
        state = _tried(state, each.change, entry.at)
    return _stamped(state, entry.model_copy(update={"made": made}))


def _tried(state: S, change: C, at: datetime) -> S:
    try:
        after: S = change.apply(state, at)
    except SleapRtcError:
        return state
    return after


def _stamped(state: S, entry: Entry[C]) -> S:
    revision = entry.revision + len(entry.made) - 1
    told = {"revision": revision, "updated_at": entry.at, "write_id": entry.write_id}
    return state.model_copy(update=told)


def _numbered(prefix: str, revision: int) -> str:
    return f"{prefix}{revision:012d}.json"


def _is_due(before: int, after: int) -> bool:
    """Tell whether a snapshot is due: often while states are small, seldom when they are large."""
    step = 100 if after < _MANY_REVISIONS else _MANY_REVISIONS
    return after // step > before // step
