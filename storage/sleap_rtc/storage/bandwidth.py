"""Adapter: keeps a transfer below a rate: the schedule is pure, and `Throttle` waits for it.

Whoever wants to send reserves bytes and is given the next free place in a schedule that runs at the rate.
What a late thread leaves unused is kept for 50 ms and then lost, so that a pause is not followed by a burst.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import SLICE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

BURST_S = 0.05
_SMALLEST_SLICE_BYTES = 4096


class BandwidthLimit:
    """A schedule of bytes. Times are seconds of any clock that only goes forward.

    Args:
        bytes_per_s: the rate, more than 0.
    """

    def __init__(self, bytes_per_s: int) -> None:
        if bytes_per_s <= 0:
            raise ValueError(f"{bytes_per_s} bytes a second is no rate")
        self.bytes_per_s = bytes_per_s
        self._free_at = float("-inf")

    @property
    def slice_bytes(self) -> int:
        """How much to reserve and send at once: 50 ms worth, from 4 KiB to the 256 KiB of unlimited ones."""
        return max(_SMALLEST_SLICE_BYTES, min(SLICE_BYTES, int(self.bytes_per_s * BURST_S)))

    def reserve(self, count_bytes: int, now: float) -> float:
        """Take the next place in the schedule; return for how many seconds to wait before sending."""
        begin = max(self._free_at, now - BURST_S)
        self._free_at = begin + count_bytes / self.bytes_per_s
        return max(0.0, begin - now)


class Throttle:
    """A limit that threads share. They take turns: each waits for the place that it reserved.

    Args:
        limit: the schedule.
        clock: seconds that only go forward.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        limit: BandwidthLimit,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.slice_bytes = limit.slice_bytes
        """How much to wait for and send at once."""
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self, count_bytes: int) -> None:
        """Return when so many bytes may be sent."""
        with self._lock:
            delay_s = self._limit.reserve(count_bytes, self._clock())
        if delay_s > 0:
            self._sleep(delay_s)
