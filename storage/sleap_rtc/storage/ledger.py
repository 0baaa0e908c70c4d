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
from sleap_rtc.storage.errors import NotFound, PreconditionFailed, SleapRtcError
from sleap_rtc.storage.object_store import Create, Update
from sleap_rtc.storage.proposals import Proposal, Proposals
from sleap_rtc.storage.storage_facts import RoomChanged
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.storage.object_store import ObjectStore

_PATIENCE_S = 60.0
_TURN_S = 0.2
_LONGEST_TURN_S = 1.5
# After so long without a change the oldest who waits may be dead; each one behind him takes a bit longer to
# believe it.
_TAKE_OVER_AFTER_S = 2.0
_TAKE_OVER_STEP_S = 0.25
# How often somebody whose change another one made looks whether that one has shown it.
_LOOKS = 4
_LOOK_S = 0.25
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
        self._attempts = 0

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
            held, looks = self._newest(), 0
            self._attempts = 0
            if change.apply(held.state, at) is not held.state:
                alone = None if self._crowded and change.joins else self._written(held, [made], at)
                self._crowded = alone is None
                held, looks = (alone, 0) if alone else self._made_in_a_crowd(made, at)
                tell(RoomChanged(self._attempts))
            try:
                return self._keep(self._shown(held, looks)).state
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

    def _made_in_a_crowd(self, made: Made[C], at: datetime) -> tuple[_Held[S], int]:
        """Return the state with the change in it, and how often to look whether another one has shown it."""
        give_up_at = time.monotonic() + _PATIENCE_S
        own = self._proposals.add(made, at) if made.change.joins else ""
        settled = [own] if own else []
        first, moved_at = "", time.monotonic()
        try:
            while time.monotonic() < give_up_at:
                waiting = self._proposals.keys() if own else []
                ahead = waiting.index(own) if own in waiting else 0
                self._crowded = ahead > 0 or own not in waiting
                if waiting and waiting[0] != first:
                    first, moved_at = waiting[0], time.monotonic()
                if ahead and time.monotonic() - moved_at < _TAKE_OVER_AFTER_S + ahead * _TAKE_OVER_STEP_S:
                    _sleep(min(_LONGEST_TURN_S, ahead * _TURN_S))
                    continue
                _sleep(_TURN_S)  # meanwhile more may come, for all of whom one entry will do
                held = self._newest()
                if made.change.apply(held.state, at) is held.state:
                    if own not in waiting:
                        settled.clear()  # whoever made it has settled it
                    return held, _LOOKS
                others = self._waiting(own, held, at) if own else {}
                written = self._written(held, [made, *others.values()], at)
                if written is not None:
                    settled += others
                    self._crowded = self._crowded or bool(others)
                    return written, 0
        finally:
            self._proposals.withdraw(*settled)
        raise PreconditionFailed(key=self._places.log)

    def _waiting(self, own: str, held: _Held[S], at: datetime) -> dict[str, Made[C]]:
        """Return what others propose, without what is made and left behind by somebody who died."""
        others = self._proposals.others(own)
        left = [key for key, each in others.items() if _is_made(each, held.state, at)]
        self._proposals.withdraw(*left)
        return {key: each for key, each in others.items() if key not in left}

    def _written(self, held: _Held[S], made: list[Made[C]], at: datetime) -> _Held[S] | None:
        self._attempts += 1
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
        begun_at = held.state.revision
        for number in itertools.count(1):
            after = self._log.next(held.state)
            if after is None:
                break
            held = replace(held, state=after)
            if number % _LOOK_UP_AFTER == 0:
                held = self._looked_at(held)
                in_an_entry = max(1.0, (held.state.revision - begun_at) / number)
                entries = (held.view_revision - held.state.revision) / in_an_entry
                if entries > held.view_bytes / _BYTES_FOR_AN_ENTRY:
                    return self._caught_up(self._loaded())
        return held

    def _shown(self, held: _Held[S], looks: int = 0) -> _Held[S]:
        """Write the view unless it shows this revision or a later one.

        Args:
            held: what is to be shown.
            looks: how often to look whether another one shows it before doing so.
        """
        state = held.state
        # Where others change the state, too, one of them has most likely shown what all have done.
        looks = max(looks, int(self._crowded))
        while held.view_revision < state.revision:
            if looks:
                if looks > 1:
                    _sleep(_LOOK_S)
                held, looks = self._looked_at(held), looks - 1
                continue
            mode = Update(held.view_etag) if held.view_etag else Create()
            told = {_REVISION: str(state.revision)}
            written = self._views.write(self._places.view, state, mode, told, recognise=False)
            looks = 1
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


def _is_made(made: Made[C], state: S, at: datetime) -> bool:
    try:
        return made.change.apply(state, at) is state
    except SleapRtcError:
        return False


def _sleep(about_s: float) -> None:
    """Wait about so long: those who came at once do not come at once again."""
    time.sleep(about_s * (0.5 + random.random()))  # noqa: S311 - jitter
