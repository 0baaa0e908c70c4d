"""Pure: how many bytes may be under way to a peer that have not arrived yet.

The engine sends until packets are lost (RFC 9260, congestion avoidance), which on a good network is until
some queue is full: on one machine the receiver's socket, at home the router. A command has to wait behind all
of it, and what is lost is sent again. So no more is sent ahead than keeps the round trip near the shortest
that was seen, as LEDBAT does (RFC 6817): the sender stays busy, the queue stays short. What is the shortest
is found out again every so often, by sending little for a moment, as BBR does: another route, or a machine
that has become busy, has another one.
"""

from __future__ import annotations

from math import inf

LEAST_BYTES = 48 * 1024
"""Three frames: what a busy machine works off while the sender is not looked at."""
MOST_BYTES = 4 * 1024 * 1024
FIRST_BYTES = 64 * 1024
QUEUE_S = 0.040
"""How much longer than the shortest a round trip may be."""
QUEUE_BYTES = 160 * 1024
"""How much may wait somewhere. aioice's sockets hold 227 packets of 1160 bytes; what comes then is lost."""
LOOK_AGAIN_S = 10.0
_GROWTH = 1.25
_MOST_SHRINKING = 0.5
_LEAST_PAUSE_S = 0.005
_LOOK_ROUND_TRIPS = 3


class SendWindow:
    """One direction of one connection."""

    def __init__(self) -> None:
        self.bytes = FIRST_BYTES
        """How many may be under way."""
        self._shortest_s = inf
        self._next_change_at = -inf
        self._look_again_at = -inf
        self._before_look = FIRST_BYTES

    def measured(self, round_trip_s: float, now: float) -> None:
        """Take note of a round trip that was measured while the window was full.

        Args:
            round_trip_s: how long it took, in seconds.
            now: seconds of any clock that only goes forward.
        """
        self._shortest_s = min(self._shortest_s, round_trip_s)
        if now < self._next_change_at:
            return
        # What a change does is seen a round trip later.
        self._next_change_at = now + max(round_trip_s, _LEAST_PAUSE_S)
        if now >= self._look_again_at:
            self._look_again(round_trip_s, now)
        elif self._before_look:
            self.bytes, self._before_look = self._before_look, 0
        else:
            self._change(round_trip_s)

    def _look_again(self, round_trip_s: float, now: float) -> None:
        self._before_look, self.bytes = self.bytes, LEAST_BYTES
        self._shortest_s = inf
        self._next_change_at = now + _LOOK_ROUND_TRIPS * max(round_trip_s, _LEAST_PAUSE_S)
        self._look_again_at = now + LOOK_AGAIN_S

    def _change(self, round_trip_s: float) -> None:
        queue_s = round_trip_s - self._shortest_s
        bearable_s = min(QUEUE_S, QUEUE_BYTES * round_trip_s / self.bytes)
        if queue_s <= bearable_s:
            self.bytes = min(int(self.bytes * _GROWTH), MOST_BYTES)
            return
        share = (self._shortest_s + bearable_s) / round_trip_s
        self.bytes = max(int(self.bytes * max(share, _MOST_SHRINKING)), LEAST_BYTES)
