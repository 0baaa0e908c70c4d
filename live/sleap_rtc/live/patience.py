"""Pure: how little a peer may send before it is not waited for any longer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """A peer that sends less than `least_bytes` in `within_s` seconds is left."""

    least_bytes: int = 256 * 1024
    within_s: float = 15.0


class Watch:
    """Watches what comes. Times are in seconds of any clock that only goes forward."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._since = now
        self._bytes = 0

    def came(self, count: int, now: float) -> None:
        """Note that bytes came."""
        self._bytes += count
        if self._bytes >= self._patience.least_bytes:
            self._since, self._bytes = now, 0

    @property
    def bytes(self) -> int:
        """What came since it was enough for the last time."""
        return self._bytes

    def left_s(self, now: float) -> float:
        """Return for how long it is still waited; 0 or less if no longer."""
        return self._since + self._patience.within_s - now
