"""Pure: how much somebody may say in a while (a token bucket)."""

from __future__ import annotations


class FloodLimit:
    """Lets through so much at once, and so much a second in the long run.

    Args:
        burst: how much may come at once.
        per_s: how much comes back in a second.
    """

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = burst
        self._at_s = 0.0

    def takes(self, now_s: float, weight: float = 1.0) -> bool:
        """Tell whether this much may come now; what may not is not counted."""
        self._left = min(self._burst, self._left + max(0.0, now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < weight:
            return False
        self._left -= weight
        return True
