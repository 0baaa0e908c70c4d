"""Pure: over which way a job is watched: when its worker is called, and when the service is listened to.

Facts go in, decisions come out. A worker that can be called is called, also while the service is listened to,
and again after pauses that grow. The service is listened to while there is no session: at once if there is
nobody to call or a call failed, after a moment otherwise, so that a call that takes its time keeps nobody in
the dark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from sleap_rtc.client.live_items import Link, LinkState
from sleap_rtc.events.jobs import HELD

if TYPE_CHECKING:
    from sleap_rtc.events.api import JobView

PATIENCE_S = 3.0
"""How long nothing is heard before the service is listened to, although the worker may still answer."""
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
SETTLED_S = 10.0
"""A session that ends sooner than this was hardly one."""
_REFUSED = 10
NO_PEER = "its worker is not among the live peers of the room"


@dataclass(frozen=True)
class Whereabouts:
    """What the job's record says.

    Attributes:
        held: a worker is at it.
        peer_id: how that worker is called; empty if it cannot be.
        run: the fencing number of its claim.
        done: no worker is at it, and none is waited for.
        why: it is not at it: what the job waits for.
    """

    held: bool
    peer_id: str = ""
    run: int = 0
    done: bool = False
    why: str = ""

    @classmethod
    def of(cls, job: JobView, run_ended: int) -> Whereabouts:
        """Return what a record says, which may be from before the end of a run that was told."""
        over = job.ended or 0 < job.fencing <= run_ended
        why = job.waiting.reason if job.waiting is not None else ""
        held = job.state in HELD and not over
        return cls(held, job.worker_peer_id, job.fencing, over and job.waiting is None, why)


@dataclass(frozen=True)
class Looks:
    """How often the job's record is looked at, in seconds: ever more seldom while it says the same."""

    every_s: float = 2.0
    seldom_s: float = 10.0
    connected_s: float = 15.0
    """While a session tells what happens anyway."""

    def pause_s(self, unchanged_s: float, *, live: bool) -> float:
        """Return how long not to look, after the record has said the same for so long."""
        if live:
            return self.connected_s
        return min(self.seldom_s, self.every_s + unchanged_s / 10)


@dataclass(frozen=True)
class Call:
    """Call this worker, now, about this run of the job."""

    peer_id: str
    run: int


@dataclass(frozen=True)
class Rest:
    """Do nothing until then, unless there is news."""

    until: float


class LivePath:
    """The way to one job. Times are in seconds of any clock that only goes forward; jitter is from 0 to 1.

    Args:
        now: when it begins.
        engine_missing: why this side cannot call anybody; empty if it can.
    """

    def __init__(self, now: float, engine_missing: str = "") -> None:
        self._engine_missing = engine_missing
        self._at = Whereabouts(held=False)
        self._session: Link | None = None
        self._was_connected = False
        self._connected_at = now
        self._failures = 0
        self._short_ones = 0
        self._why = ""
        self._call_at = now
        self._silent_since = now

    @property
    def target(self) -> Call | None:
        """Who is to be called, or kept a session with; None if nobody is."""
        if self._engine_missing or not self._at.held or not self._at.peer_id:
            return None
        return Call(self._at.peer_id, self._at.run)

    @property
    def is_live(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    @property
    def held(self) -> bool:
        """Whether a worker is at the job."""
        return self._at.held

    def seen(self, at: Whereabouts, now: float) -> None:
        """Take note of where the job is. Another worker, or another run, is called afresh."""
        before, self._at = self._at, at
        if (at.held, at.peer_id, at.run) != (before.held, before.peer_id, before.run):
            self._session, self._was_connected, self._why = None, False, ""
            self._failures = self._short_ones = 0
            self._call_at = self._silent_since = now

    def connected(self, run: int, now: float, *, relayed: bool) -> None:
        """Take note of a session over which a run is told of, which may be a newer one than was seen."""
        self._at = replace(self._at, run=max(run, self._at.run))
        self._session = Link.RELAYED if relayed else Link.DIRECT
        self._was_connected, self._connected_at = True, now
        self._failures, self._why = 0, ""

    def cut(self, why: str, now: float, jitter: float) -> None:
        """Take note of the end of a session: its worker is called again at once, unless none lasts."""
        self._session, self._why = None, why
        self._short_ones = self._short_ones + 1 if now - self._connected_at < SETTLED_S else 0
        self._call_at = now + _pause_s(self._short_ones - 1, jitter)
        self._silent_since = now

    def failed(self, why: str, now: float, jitter: float, *, refused: bool = False) -> None:
        """Take note of a call that came to nothing. Who was refused need not ask again soon."""
        self._session, self._why = None, why
        self._failures += 1
        self._call_at = now + _pause_s(_REFUSED if refused else self._failures, jitter)

    def next(self, now: float) -> Call | Rest:
        """Return what is to be done about the live path."""
        target = self.target
        if self._session is not None or target is None:
            return Rest(inf)
        return target if now >= self._call_at else Rest(self._call_at)

    def listens_from(self) -> float:
        """Return from when on the service is to be listened to; never, while there is a session."""
        if self._session is not None or not self._at.held:
            return inf
        at_once = self.target is None or self._failures > 0 or self._short_ones > 1
        return self._silent_since if at_once else self._silent_since + PATIENCE_S

    def state(self, now: float) -> LinkState:
        """Return what there is to tell of it."""
        if self._session is not None:
            return LinkState(self._session, peer_id=self._at.peer_id)
        if not self._at.held:
            return LinkState(Link.DONE) if self._at.done else LinkState(Link.WAITING, self._at.why)
        if now >= self.listens_from():
            why = self._engine_missing or (NO_PEER if self.target is None else self._why)
            return LinkState(Link.SERVICE, why or "its worker has not answered yet", self._at.peer_id)
        link = Link.AGAIN if self._was_connected else Link.CONNECTING
        return LinkState(link, self._why, self._at.peer_id)


def _pause_s(times: int, jitter: float) -> float:
    """Return how long to wait after so many times in vain: twice as long each time, at least half of it."""
    if times <= 0:
        return 0.0
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (min(times, _REFUSED) - 1)) * (1 + jitter) / 2
