"""Pure: when a worker leaves by itself: after so many jobs, or after so long without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shift:
    """How long a worker stays; without limits, until it is told to stop.

    Attributes:
        max_jobs: it leaves once it has settled so many; a job that went back to the queue does not count.
        idle_s: it leaves when there was nothing to do for so long, in seconds.
    """

    max_jobs: int | None = None
    idle_s: float | None = None

    def over(self, settled: int, idle_for_s: float) -> str | None:
        """Return why the shift is over, None while it is not.

        Args:
            settled: how many jobs it has settled.
            idle_for_s: for how long it has had nothing to do, in seconds; 0 while it works.
        """
        if self.max_jobs is not None and settled >= self.max_jobs:
            return f"{settled} of {self.max_jobs} jobs are settled"
        if self.idle_s is not None and idle_for_s >= self.idle_s:
            return f"there was nothing to do for {self.idle_s:.0f} s"
        return None
