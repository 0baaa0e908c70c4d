"""Pure: when a session says that it is alive, and when its peer is believed to be dead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Beat:
    """How often a peer says something at least, and how long its silence is borne, in seconds.

    WebRTC's own consent check (RFC 7675) gives up after 30 s and says so to nobody.
    """

    every_s: float = 5.0
    dead_after_s: float = 15.0


class Pulse:
    """What was heard of a peer. Times are in seconds of any clock that only goes forward."""

    def __init__(self, beat: Beat, now: float) -> None:
        self._beat = beat
        self._heard_at = now

    def heard(self, now: float) -> None:
        """Note that something came, whatever it was."""
        self._heard_at = max(self._heard_at, now)

    def silent_s(self, now: float) -> float:
        """Return for how long nothing came."""
        return now - self._heard_at

    def dead(self, now: float) -> bool:
        """Tell whether the silence is too long."""
        return self.silent_s(now) > self._beat.dead_after_s
