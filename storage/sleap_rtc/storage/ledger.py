"""Orchestration: a state that many change at once: a log that is the lock, and a view of the newest state.

    {room_id}/log/…            the numbered changes (`change_log`)
    {room_id}/pending/…        changes that wait for somebody to write them (`proposals`)
    {room_id}/manifest.json    the view: the state after a revision, written after the log

A writer folds what others wrote, applies his change to that, and creates the next number; whoever comes
second is told 412 and looks again. Where many come at once, one writes for all. The view is for readers:
before a change is acknowledged the view shows it, and it never goes back (If-Match, and the revision in its
metadata). A view that is lost, or behind because a writer died, costs a replay and no change.

What a change costs does not grow with the state but for the view, and readers who have read before only ask
for the next number. After a lost reply the entry that stands there has our own `write_id`.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from ulid import ULID

from sleap_rtc.storage.change_log import C, ChangeLog, Entry, Made, Revision, S
from sleap_rtc.storage.document import ChangeNotShown, Documents, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.object_store import Create, Update
from sleap_rtc.storage.proposals import Proposal, Proposals

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.storage.object_store import ObjectStore

_PATIENCE_S = 60.0
_TURN_S = 0.2
_LONGEST_TURN_S = 1.0
# Reading the view costs about as much as reading one entry for each so many bytes of it.
_BYTES_FOR_AN_ENTRY = 100_000
_LOOK_UP_AFTER = 4
_REVISION = "revision"


@dataclass(frozen=True)
class Places:
    """Where the parts of one ledger lie: the key of its view, and what the other keys start with."""

    view: str
    log: str
    snapshots: str
    pending: str


@dataclass(frozen=True)
class _Held(Generic[S]):
    """A state, and the version of the view that is known."""

    state: S
    view_etag: str | None
    view_revision: int
    view_bytes: int = 0


class Ledger(Generic[S, C]):
    """One ledger, held by any number of processes; one instance may serve several threads.

    Every method may raise DocumentUnreadable (what lies there is damaged, or of a newer version; it is left
    as it is), Unreachable and Refused.

    Args:
        store: the bucket.
        places: where in it.
        empty: the state before the first change.
        entry_kind: `Entry` of the changes that there are.
        proposal_kind: `Proposal` of the same.
    """

    def __init__(
        self,
        store: ObjectStore,
        places: Places,
        empty: S,
        entry_kind: type[Entry[C]],
        proposal_kind: type[Proposal[C]],
    ) -> None:
        self._store = store
        self._places = places
        self._views = Documents(store, type(empty))
        self._log: ChangeLog[S, C] = ChangeLog(store, places.log, places.snapshots, empty, entry_kind)
        self._proposals: Proposals[C] = Proposals(store, places.pending, proposal_kind)
        self._held: _Held[S] | None = None
        self._writing = threading.Lock()
        self._crowded = False

    def read(self) -> S:
        """Return the newest state; one GET where it is known and nobody changed it."""
        return self._newest().state

    def append(self, change: C, by: str, at: datetime) -> S:
        """Make a change, and return the newest state once the view shows it. Making it twice is harmless
        where the change says so.

        Raises:
            SleapRtcError: what the change itself raises; nothing is written.
            ChangeNotShown: it is made, but the view is damaged or of a newer version, and was left.
            PreconditionFailed: too many writers for a minute.
        """
        made: Made[C] = Made(by=by, change=change)
        with self._writing:
            held = self._newest()
            if change.apply(held.state, at) is not held.state:
                alone = None if self._crowded and change.joins else self._written(held, [made], at)
                self._crowded = alone is None
                held = alone or self._made_in_a_crowd(made, at)
            try:
                return self._keep(self._shown(held)).state
            except DocumentUnreadable as error:
                self._keep(held)
                raise ChangeNotShown(key=error.key, why=error.why, remedy=error.remedy) from error

    def show(self) -> S:
        """Bring the view up to the log, as a writer that died has not, and return the state."""
        with self._writing:
            return self._keep(self._shown(self._newest())).state

    def forget(self) -> None:
        """Read everything again the next time, also the view, which somebody may have damaged or deleted."""
        with self._writing:
            self._held = None

    def revisions(self, most: int) -> list[Revision[C]]:
        """Return at most so many of the newest changes, the newest first. Cost: one GET for each entry."""
        return self._log.revisions(self.read().revision, most)

    def at(self, revision: int) -> S:
        """Return the state after a revision. Raises NotFound where the log does not have it."""
        state = self._log.replayed(revision)
        if state.revision != revision:
            raise NotFound(what=f"revision {revision}")
        return state

    def lost(self) -> bool:
        """Tell whether there is neither a view nor a log, so that nothing is known."""
        held = self._newest()
        return held.view_etag is None and held.state.revision == 0

    def _made_in_a_crowd(self, made: Made[C], at: datetime) -> _Held[S]:
        give_up_at = time.monotonic() + _PATIENCE_S
        own = self._proposals.add(made, at) if made.change.joins else ""
        try:
            while time.monotonic() < give_up_at:
                time.sleep(self._turn_s(own))
                held = self._newest()
                if made.change.apply(held.state, at) is held.state:
                    return held
                others = self._proposals.others(own) if own else ()
                written = self._written(held, [made, *others], at)
                if written is not None:
                    return written
        finally:
            if own:
                self._proposals.withdraw(own)
        raise PreconditionFailed(key=self._places.log)

    def _turn_s(self, own: str) -> float:
        """Return how long to wait for those who come first, in seconds."""
        ahead = self._proposals.ahead(own) if own else 1
        self._crowded = bool(ahead)
        return min(_LONGEST_TURN_S, ahead * _TURN_S) * (0.5 + random.random())  # noqa: S311 - jitter

    def _written(self, held: _Held[S], made: list[Made[C]], at: datetime) -> _Held[S] | None:
        state = self._log.create(held.state, made, str(ULID()), at)
        return replace(held, state=state) if state else None

    def _newest(self) -> _Held[S]:
        return self._keep(self._caught_up(self._held or self._loaded()))

    def _keep(self, held: _Held[S]) -> _Held[S]:
        before = self._held
        if before is None or held.state.revision >= before.state.revision:
            self._held = held
        return held

    def _loaded(self) -> _Held[S]:
        try:
            found = self._views.read(self._places.view)
        except NotFound:
            return _Held(self._log.replayed(), None, 0)
        return _Held(found.value, found.etag, found.value.revision)

    def _caught_up(self, held: _Held[S]) -> _Held[S]:
        """Read what others have changed since: entry by entry, or the view where that costs less."""
        for number in itertools.count(1):
            after = self._log.next(held.state)
            if after is None:
                break
            held = replace(held, state=after)
            if number % _LOOK_UP_AFTER == 0:
                held = self._looked_at(held)
                if held.view_revision - held.state.revision > held.view_bytes / _BYTES_FOR_AN_ENTRY:
                    held = self._loaded()
        return held

    def _shown(self, held: _Held[S]) -> _Held[S]:
        """Write the view unless it shows this revision or a later one."""
        state = held.state
        known = held.view_revision == state.revision or not self._crowded
        while held.view_revision < state.revision:
            # Where others change the state, too, one of them has most likely shown what all have done.
            if not known:
                held = self._looked_at(held)
            known = False
            if held.view_revision < state.revision:
                mode = Update(held.view_etag) if held.view_etag else Create()
                told = {_REVISION: str(state.revision)}
                written = self._views.write(self._places.view, state, mode, told)
                if written is not None:
                    held = _Held(state, written, state.revision)
        return held

    def _looked_at(self, held: _Held[S]) -> _Held[S]:
        """Note which version of the view is there, and which revision it shows."""
        try:
            view = self._store.head(self._places.view)
        except NotFound:
            return _Held(held.state, None, 0)
        told = view.metadata.get(_REVISION)
        revision = int(told) if told else self._views.read(view.key).value.revision
        return _Held(held.state, view.etag, revision, view.size_bytes)
