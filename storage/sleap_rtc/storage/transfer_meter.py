"""Pure: how fast a transfer is, and how long it will take, from what it has done and when.

The speed is that of the last ten seconds, so that it follows the link and is not shaken by a single part.
Bytes that an earlier run brought over were not moved now and make nothing faster.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sleap_rtc.storage.progress import TransferProgress

WINDOW_S = 10.0
# The first parts may come within milliseconds of each other; nothing is said of a link by less than this.
_SHORTEST_S = 1.0


@dataclass(frozen=True)
class TransferRate:
    """How far a transfer is, and how it goes on."""

    done_bytes: int
    total_bytes: int
    resumed_bytes: int
    bytes_per_s: float
    eta_s: float | None
    """Seconds to the end at this speed; None while nothing moves."""


class TransferMeter:
    """Measures one transfer. Times are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._done_bytes = self._total_bytes = self._resumed_bytes = 0

    def note(self, progress: TransferProgress, now: float) -> TransferRate:
        """Take in what was done by `now` and return the rate; bytes that were done stay done."""
        self._done_bytes = max(self._done_bytes, progress.done_bytes)
        self._total_bytes = progress.total_bytes
        self._resumed_bytes = progress.resumed_bytes
        if not self._samples:
            self._samples.append((now, 0))
        moved = max(self._samples[-1][1], self._done_bytes - self._resumed_bytes)
        self._samples.append((now, moved))
        return self.rate(now)

    def rate(self, now: float) -> TransferRate:
        """Return the rate at `now`, which falls while nothing comes."""
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW_S:
            self._samples.popleft()
        speed = 0.0
        if self._samples:
            (begin, before), (_, after) = self._samples[0], self._samples[-1]
            speed = (after - before) / max(now - begin, _SHORTEST_S)
        left = self._total_bytes - self._done_bytes
        eta_s = 0.0 if left <= 0 else left / speed if speed > 0 else None
        return TransferRate(self._done_bytes, self._total_bytes, self._resumed_bytes, speed, eta_s)
