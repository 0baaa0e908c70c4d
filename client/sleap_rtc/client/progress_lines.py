"""Adapter: a transfer's progress as values for scripts, at most one a second but for trouble."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from sleap_rtc.storage.transfer_meter import TransferMeter, TransferRate

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sleap_rtc.storage.progress import TransferProgress

_BETWEEN_S = 1.0


class ProgressLines:
    """A progress hook; what it was told first and last is always passed on.

    Args:
        tell: called with the fields of a line.
        clock: seconds.
    """

    def __init__(
        self, tell: Callable[[dict[str, Any]], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._meter = TransferMeter()
        self._lock = threading.Lock()
        self._told_at: float | None = None
        self._untold: TransferRate | None = None
        self._trouble = ""

    def __call__(self, progress: TransferProgress, /) -> None:
        """Tell of progress, or keep it for later."""
        with self._lock:
            now = self._clock()
            self._untold = self._meter.note(progress, now)
            news = progress.trouble != self._trouble
            self._trouble = progress.trouble
            if news or self._told_at is None or now - self._told_at >= _BETWEEN_S:
                self._told_at = now
                self._flush()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell what was kept."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        rate, self._untold = self._untold, None
        if rate is not None:
            self._tell(
                {
                    "done_bytes": rate.done_bytes,
                    "total_bytes": rate.total_bytes,
                    "resumed_bytes": rate.resumed_bytes,
                    "bytes_per_s": round(rate.bytes_per_s),
                    "eta_s": None if rate.eta_s is None else round(rate.eta_s, 1),
                    "trouble": self._trouble or None,
                }
            )
