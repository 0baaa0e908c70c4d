"""Adapter: tells how a transfer ended, whatever ends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, Self

from sleap_rtc.storage.errors import IntegrityError
from sleap_rtc.storage.storage_facts import IntegrityFailed, TransferEnded
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.transfer_hold import TransferCancelled

if TYPE_CHECKING:
    from sleap_rtc.storage.stop_signal import StopSignal
    from sleap_rtc.storage.traffic import Direction, Traffic, Way


class TransferRecord:
    """Entered when a transfer begins, and left when it is over.

    Args:
        direction: which way it goes.
        traffic: says what its bytes are, and how they go.
        stop: what ends it before its time, also where it is held for a while and is begun again then.
        resumed_bytes: what an earlier run had brought over.
    """

    def __init__(
        self,
        direction: Direction,
        traffic: Traffic,
        stop: StopSignal | None = None,
        resumed_bytes: int = 0,
    ) -> None:
        self.way: Way = traffic.way
        self.moved_bytes = 0
        """What this run brought over so far."""
        self.resumed_bytes = resumed_bytes
        self._direction = direction
        self._content = traffic.content
        self._stop = stop
        self._began = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        self._began = time.monotonic()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Tell how it ended."""
        if isinstance(error, IntegrityError):
            tell(IntegrityFailed(self._direction))
        tell(
            TransferEnded(
                direction=self._direction,
                way=self.way,
                content=self._content,
                outcome=self._outcome(error),
                seconds=time.monotonic() - self._began,
                moved_bytes=self.moved_bytes,
                resumed_bytes=self.resumed_bytes,
            )
        )

    def _outcome(self, error: BaseException | None) -> Literal["done", "failed", "cancelled"]:
        if error is None:
            return "done"
        stopped = self._stop is not None and self._stop.is_set()
        of_somebody = isinstance(error, TransferCancelled) or not isinstance(error, Exception)
        return "cancelled" if stopped or of_somebody else "failed"
