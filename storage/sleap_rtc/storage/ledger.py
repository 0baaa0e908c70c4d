"""Orchestration: a state that many change at once: an immutable numbered log, and a view of the newest.

    {room_id}/log/000000000042.json        one change, created with If-None-Match: that makes it revision 42
    {room_id}/snapshots/000000000100.json  the state after some revisions, so that a replay is short
    {room_id}/manifest.json                the view: the state after a revision, written after the log

The log is the lock and the truth. A writer folds what others wrote, applies his change to that, and creates
the next number; whoever comes second is told 412 and looks again. The view is for readers: before a change is
acknowledged the view shows it, and it never goes back (If-Match, and the revision in its metadata). A view
that is lost, or behind because a writer died, costs a replay and no change.

What a change costs does not grow with the state but for the view, and readers who have read before only ask
for the next number. After a lost reply the entry that stands there has our own `write_id`.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ulid import ULID

from sleap_rtc.storage.document import Document, Documents
from sleap_rtc.storage.errors import NotFound, PreconditionFailed, SleapRtcError
from sleap_rtc.storage.object_store import Create, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

_PATIENCE_S = 60.0
_LONGEST_PAUSE_S = 1.0
# Whoever is further behind than this reads the view instead of one entry after the other.
_FAR_BEHIND = 64
_READERS = 16
_REVISION = "revision"
_MANY_REVISIONS = 1_000


class Logged(Document):
    """What every such state has: which revision it is, and since when."""

    revision: int = 0
    updated_at: datetime | None = None


S = TypeVar("S", bound=Logged)


class Change(Protocol):
    """A change as a value: applied to one state it always makes the same other one."""

    def apply(self, state: Any, at: datetime) -> Any:
        """Return the changed state; the very same where there is nothing to change. Raises SleapRtcError."""

    def words(self) -> str:
        """Say what it does, a sentence without its full stop."""


V = TypeVar("V")
C = TypeVar("C", bound=Change)


class Entry(Document, Generic[V]):
    """One entry of a log: who changed what, and when."""

    revision: int
    at: datetime
    by: str
    change: V


@dataclass(frozen=True)
class Places:
    """Where the parts of one ledger lie: the key of its view, and what the other keys start with."""

    view: str
    log: str
    snapshots: str

    def entry(self, revision: int) -> str:
        """Return the key of an entry of the log."""
        return f"{self.log}{revision:012d}.json"

    def snapshot(self, revision: int) -> str:
        """Return the key of a snapshot."""
        return f"{self.snapshots}{revision:012d}.json"


@dataclass(frozen=True)
class _Held(Generic[S]):
    """A state, and the version of the view that is known."""

    state: S
    view_etag: str | None
    view_revision: int


class Ledger(Generic[S, C]):
    """One ledger, held by any number of processes; one instance may serve several threads.

    Every method may raise DocumentUnreadable (what lies there is damaged, or of a newer version; it is left
    as it is), Unreachable and Refused.

    Args:
        store: the bucket.
        places: where in it.
        empty: the state before the first change.
        entry_kind: `Entry` of the changes that there are.
    """

    def __init__(self, store: ObjectStore, places: Places, empty: S, entry_kind: type[Entry[C]]) -> None:
        self._store = store
        self._places = places
        self._empty = empty
        self._states = Documents(store, type(empty))
        self._entries = Documents(store, entry_kind)
        self._entry_kind = entry_kind
        self._held: _Held[S] | None = None
        self._writing = threading.Lock()

    def read(self) -> S:
        """Return the newest state; one GET where it is known and nobody changed it."""
        return self._newest().state

    def append(self, change: C, by: str, at: datetime) -> S:
        """Make a change, and return the newest state once the view shows it. Making it twice is harmless
        where the change says so.

        Raises:
            SleapRtcError: what the change itself raises; nothing is written.
            PreconditionFailed: too many writers for a minute.
        """
        with self._writing:
            give_up_at = time.monotonic() + _PATIENCE_S
            held = self._newest()
            while (changed := change.apply(held.state, at)) is not held.state:
                begun = time.monotonic()
                after = _stamped(changed, held.state.revision + 1, at, str(ULID()))
                if self._create(after, change, by):
                    held = replace(held, state=after)
                    break
                if begun > give_up_at:
                    raise PreconditionFailed(key=self._places.entry(after.revision))
                seen = held.state.revision
                held = self._caught_up(held)
                rivals = held.state.revision - seen
                # With as many rivals as there were commits in between, about one of them writes at a time.
                pause_s = random.random() * rivals * (time.monotonic() - begun)  # noqa: S311 - jitter
                time.sleep(min(_LONGEST_PAUSE_S, pause_s))
                held = self._caught_up(held)
            return self._keep(self._shown(held)).state

    def show(self) -> S:
        """Bring the view up to the log, as a writer that died has not, and return the state."""
        with self._writing:
            return self._keep(self._shown(self._newest())).state

    def forget(self) -> None:
        """Read everything again the next time, also the view, which somebody may have damaged or deleted."""
        with self._writing:
            self._held = None

    def entries(self, most: int) -> list[Entry[C]]:
        """Return at most so many of the newest entries, the newest first. Cost: one GET for each."""
        newest = self.read().revision
        wanted = range(max(1, newest - most + 1), newest + 1)
        return list(self._read_all(self._places.entry(number) for number in wanted))[::-1]

    def at(self, revision: int) -> S:
        """Return the state after a revision. Raises NotFound where the log does not have it."""
        if revision and not self._exists(self._places.entry(revision)):
            raise NotFound(what=f"revision {revision}")
        return self._replayed(revision)

    def lost(self) -> bool:
        """Tell whether there is neither a view nor a log, so that nothing is known."""
        held = self._newest()
        return held.view_etag is None and held.state.revision == 0

    def _create(self, after: S, change: C, by: str) -> bool:
        entry = self._entry_kind(
            write_id=after.write_id, revision=after.revision, at=after.updated_at, by=by, change=change
        )
        return self._entries.keep(self._places.entry(after.revision), entry)

    def _newest(self) -> _Held[S]:
        return self._keep(self._caught_up(self._held or self._loaded()))

    def _keep(self, held: _Held[S]) -> _Held[S]:
        before = self._held
        if before is None or held.state.revision >= before.state.revision:
            self._held = held
        return held

    def _loaded(self) -> _Held[S]:
        try:
            found = self._states.read(self._places.view)
        except NotFound:
            return _Held(self._replayed(), None, 0)
        return _Held(found.value, found.etag, found.value.revision)

    def _caught_up(self, held: _Held[S]) -> _Held[S]:
        state = held.state
        while True:
            for _ in range(_FAR_BEHIND):
                try:
                    entry = self._entries.read(self._places.entry(state.revision + 1)).value
                except NotFound:
                    return replace(held, state=state)
                state = folded(state, entry)
            fresh = self._loaded()
            if fresh.state.revision > state.revision:
                held, state = fresh, fresh.state

    def _shown(self, held: _Held[S]) -> _Held[S]:
        """Write the view unless it shows this revision or a later one."""
        state, etag, revision = held.state, held.view_etag, held.view_revision
        if revision < state.revision and _is_due(state.revision):
            self._states.keep(self._places.snapshot(state.revision), state)
        # Where somebody else changed the state in between, he has most likely shown that.
        known = revision == state.revision - 1
        while revision < state.revision:
            if not known:
                etag, revision = self._looked_at()
            known = False
            if revision < state.revision:
                mode = Update(etag) if etag else Create()
                told = {_REVISION: str(state.revision)}
                etag = self._states.write(self._places.view, state, mode, told)
                revision = state.revision if etag else revision
        return _Held(state, etag, revision)

    def _looked_at(self) -> tuple[str | None, int]:
        """Return the version of the view that is there, and which revision it shows."""
        try:
            view = self._store.head(self._places.view)
        except NotFound:
            return None, 0
        told = view.metadata.get(_REVISION)
        return view.etag, int(told) if told else self._states.read(view.key).value.revision

    def _replayed(self, until: int | None = None) -> S:
        """Return the state that the log makes: all of it, or up to a revision."""
        state = self._empty
        after = self._places.snapshot(until + 1) if until is not None else None
        snapshots = [
            info.key for info in self._store.list(self._places.snapshots) if after is None or info.key < after
        ]
        if snapshots:
            state = self._states.read(snapshots[-1]).value
        last = None if until is None else self._places.entry(until)
        entries = [
            info.key
            for info in self._store.list(self._places.log, self._places.entry(state.revision))
            if last is None or info.key <= last
        ]
        for entry in self._read_all(entries):
            if entry.revision != state.revision + 1:
                log.warning(
                    "%s has no revision %d to %d: what they changed is not known",
                    self._places.log,
                    state.revision + 1,
                    entry.revision - 1,
                )
            state = folded(state, entry)
        return state

    def _read_all(self, keys: Iterable[str]) -> Iterator[Entry[C]]:
        with ThreadPoolExecutor(_READERS) as readers:
            for entry in readers.map(self._read_entry, list(keys)):
                if entry is not None:
                    yield entry

    def _read_entry(self, key: str) -> Entry[C] | None:
        try:
            return self._entries.read(key).value
        except NotFound:
            return None

    def _exists(self, key: str) -> bool:
        try:
            self._store.head(key)
        except NotFound:
            return False
        return True


def folded(state: S, entry: Entry[C]) -> S:
    """Return the state after an entry.

    A change that this state refuses was made in another one, of which the log has lost a part; it is passed
    over, by every reader alike.
    """
    try:
        after: S = entry.change.apply(state, entry.at)
    except SleapRtcError:
        after = state
    return _stamped(after, entry.revision, entry.at, entry.write_id)


def _stamped(state: S, revision: int, at: datetime, write_id: str) -> S:
    return state.model_copy(update={"revision": revision, "updated_at": at, "write_id": write_id})


def _is_due(revision: int) -> bool:
    """Tell whether a revision gets a snapshot: often while states are small, seldom when they are large."""
    return revision % (100 if revision < _MANY_REVISIONS else _MANY_REVISIONS) == 0
