"""Pure: how many parts may be under way at once, and when nothing may start at all.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681): the number grows while more connections
bring more bytes through, and is halved where the store says that it is too much. From then on nothing starts
before the time that the store asked for, and then one request alone, until one succeeds. The number that was
too much is not tried again soon, as in CUBIC (RFC 9438).
"""

from __future__ import annotations

_FIRST = 4
_WINDOW_S = 1.0
# More connections have to bring so much more to be kept.
_WORTH = 1.05
# After a step that brought nothing, so many windows pass before the next is tried.
_REST_WINDOWS = 10
# Nor is the number that the store refused: being refused costs more than a step in vain.
_REFUSED_REST_WINDOWS = 30


class Pace:
    """The adaptive concurrency of one transfer.

    Args:
        most: upper bound (`max_concurrent_parts`).
        now: seconds of any monotonic clock, as in every other call.
        first: how many parts may be under way in the beginning.
    """

    def __init__(self, most: int, now: float, first: int = _FIRST) -> None:
        self._most = most
        self._limit = min(first, most)
        self._doubling = True
        self._rest = 0
        self._ceiling = most
        self._busiest = 0
        self._window_began = now
        self._bytes_then = 0
        self._rate_before_step = 0.0
        self._step_from = 0
        self._not_before = self._held_at = now
        self.outages = 0

    @property
    def limit(self) -> int:
        """How many parts may be under way."""
        return 1 if self.outages else self._limit

    @property
    def careful(self) -> bool:
        """Whether the next request is to ask before it sends its body."""
        return self.outages > 0

    def held_for_s(self, now: float) -> float:
        """Return how long nothing may start."""
        return max(0.0, self._not_before - now)

    def moved(self, total_bytes: int, busy: int, now: float) -> None:
        """Take note of the bytes moved so far by all connections, `busy` of them being at work."""
        self.started(busy)
        elapsed_s = now - self._window_began
        if elapsed_s < _WINDOW_S:
            return
        rate = (total_bytes - self._bytes_then) / elapsed_s
        exact = self._busiest == self._limit  # more are left from before a step back
        self._window_began, self._bytes_then, self._busiest = now, total_bytes, busy
        if exact and not self.outages:
            self._step(rate)

    def started(self, busy: int) -> None:
        """Now so many are at work; facts arrive when a part has ended, and would show one too few."""
        self._busiest = max(self._busiest, busy)

    def _step(self, rate: float) -> None:
        if self._rest:
            self._rest -= 1
            return
        if self._step_from and rate < self._rate_before_step * _WORTH:
            self._limit, self._step_from = self._step_from, 0
            self._doubling, self._rest = False, _REST_WINDOWS
            return
        wider = min(self._most, self._limit * 2 if self._doubling else self._limit + 1)
        if wider > self._ceiling:
            self._ceiling, self._step_from, self._rest = self._most, 0, _REFUSED_REST_WINDOWS
            return
        self._step_from = self._limit if wider > self._limit else 0
        self._rate_before_step = rate
        self._limit = wider

    def succeeded(self) -> None:
        """A part went through."""
        self.outages = 0

    def held_off(self, delay_s: float, started: float, now: float) -> None:
        """The store was found overloaded or away by a request that started then.

        Those that were under way when the first one found it tell nothing new but how long to wait.
        """
        self._not_before = max(self._not_before, now + delay_s)
        if started < self._held_at:
            return
        if not self.outages:  # one request that is refused alone says nothing of how many would be too much
            # Right after a step, what was enough before it is known; otherwise nothing is.
            self._ceiling = self._step_from or max(1, self._limit - 1)
            self._limit = self._step_from or max(1, self._limit // 2)
        self.outages += 1
        self._doubling, self._step_from, self._rest = False, 0, 0
        self._window_began = self._held_at = now
