"""Orchestration: how an instance leaves, within a time that is set, so that another one takes its place.

asked to ──► leaving ─────────────► closing ──────────────────► gone
             says that it is not    accepts nobody; streams,
             ready, serves on,      polls and sockets end;
             takes nothing off      what was asked is
             the queues             still answered
"""

from __future__ import annotations

import asyncio

# Which share of its time is over when requests are cut, and when reactors are: what follows takes time, too.
_REQUESTS = 0.8
_REACTORS = 0.9


class Drain:
    """Where one instance is on its way out. The times are those of any clock that only goes forward.

    Args:
        notice_s: how long it serves on after it said that it leaves, so that a balancer looks elsewhere.
        most_s: after how many seconds in all it is gone, whatever is still under way.
    """

    def __init__(self, notice_s: float, most_s: float) -> None:
        self._notice_s = min(notice_s, most_s)
        self._most_s = most_s
        self._asked_at: float | None = None
        self._closes_at = 0.0
        self.leaving = asyncio.Event()
        self.closing = asyncio.Event()

    @property
    def asked(self) -> bool:
        """Whether somebody wants it to leave."""
        return self._asked_at is not None

    def ask(self, now: float, *, at_once: bool = False) -> None:
        """Want it to leave, `at_once` without notice; safe in a signal handler. The first time counts."""
        if self._asked_at is None:
            self._asked_at = now
            self._closes_at = now if at_once else now + self._notice_s

    def look(self, now: float) -> None:
        """Tell everybody in the event loop how far it is."""
        if self._asked_at is not None:
            self.leaving.set()
            if now >= self._closes_at:
                self.closing.set()

    def left_s(self, now: float) -> float:
        """Return for how many seconds it is still there, counted from now where nobody asked it to leave."""
        return self._until(1.0, now)

    def requests_s(self, now: float) -> float:
        """Return for how many seconds what was asked may still take."""
        return self._until(_REQUESTS, now)

    def reactors_s(self, now: float) -> float:
        """Return for how many seconds what the reactors are at may still take."""
        return self._until(_REACTORS, now)

    def _until(self, share: float, now: float) -> float:
        since = now if self._asked_at is None else self._asked_at
        return max(0.0, since + self._most_s * share - now)
