"""Adapter: which packages a process spends its processor time in, by looking every other millisecond."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_EVERY_S = 0.002
_OURS = "sleap_rtc"
_EVENT_LOOP = "the event loop, Python and the kernel"
_PACKAGES = (_OURS, "aiortc", "aioice", "OpenSSL", "pyee")


class CpuShares:
    """Counts, while it runs in the main thread, where the program is whenever time was spent.

    What is spent in C, system calls included, counts for the package that called it.
    """

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()

    def start(self) -> None:
        """Begin."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)

    def stop(self) -> dict[str, float]:
        """End, and return each package's share."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        looks = sum(self._found.values()) or 1
        return {name: count / looks for name, count in self._found.most_common()}

    def _look(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            steps = Path(frame.f_code.co_filename).parts
            if name := next((package for package in _PACKAGES if package in steps), ""):
                self._found[name] += 1
                return
            if "asyncio" in steps or frame.f_code.co_filename in sys.argv[:1]:
                break
            frame = frame.f_back
        self._found[_EVENT_LOOP] += 1
