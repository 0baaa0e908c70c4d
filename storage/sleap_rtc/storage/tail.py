"""Pure: which part is so late that a second try on another connection is worth its bytes.

One server in a hundred is slow; a transfer ends with its slowest part. Where nothing is left to start, a part
that takes twice what 95 of 100 took is tried a second time ("Performance Design Patterns for Amazon S3":
retry the slowest requests on a new connection).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_KNOWN_TIMES = 200
_FEWEST_TIMES = 4
_LATE = 2.0
_SHORTEST_S = 1.0
# Of the parts of a transfer, so many may be tried twice: 2 in 100, and always one.
_MOST_OF_ALL = 50


class Tail:
    """How long parts took, and which is late.

    Args:
        parts: how many the transfer has.
    """

    def __init__(self, parts: int) -> None:
        self._times: deque[float] = deque(maxlen=_KNOWN_TIMES)
        self._left = max(1, parts // _MOST_OF_ALL)

    def took(self, duration_s: float) -> None:
        """A part went through in so many seconds."""
        self._times.append(duration_s)

    def late_after_s(self) -> float | None:
        """Return the age at which a part is late, None while too little is known."""
        if len(self._times) < _FEWEST_TIMES or not self._left:
            return None
        slow = sorted(self._times)[min(len(self._times) - 1, len(self._times) * 95 // 100)]
        return max(_SHORTEST_S, _LATE * slow)

    def latest(self, started: Iterable[tuple[int, float]], now: float) -> int | None:
        """Return the number of the part that is to be tried again, if one is late, and count it."""
        limit_s = self.late_after_s()
        oldest = min(started, key=lambda pair: pair[1], default=None)
        if limit_s is None or oldest is None or now - oldest[1] < limit_s:
            return None
        self._left -= 1
        return oldest[0]
