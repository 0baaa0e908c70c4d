"""Adapter: holds a transfer, lets it go on, or ends it, from any thread and at once.

To hold a transfer is to cut it where it is: what was verified or acknowledged stays, nothing waits for a
connection that stands still, and a URL that dies meanwhile is no concern. To let it go on is to begin again
from there.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar, TypeVar

from sleap_rtc.storage.errors import ExitCode, SleapRtcError, TransferFailed
from sleap_rtc.storage.stop_signal import StopSignal

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class TransferCancelled(SleapRtcError):
    """The transfer of {what} was cancelled by {by}."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERRUPTED
    what: str
    by: str


class TransferHold:
    """What one or several transfers of a job listen to.

    Args:
        stop: ends everything at once, whatever is held.
    """

    def __init__(self, stop: StopSignal | None = None) -> None:
        self._stop = stop or StopSignal()
        self._changed = threading.Condition()
        self._current: StopSignal | None = None
        self._held = False
        self._cancelled_by = ""

    @property
    def held(self) -> bool:
        """Whether nothing moves until `release`."""
        return self._held

    def hold(self) -> None:
        """Let nothing move from now on."""
        self._change(held=True)

    def release(self) -> None:
        """Let it go on."""
        self._change(held=False)

    def cancel(self, by: str) -> None:
        """End it for good, on behalf of somebody."""
        with self._changed:
            self._cancelled_by = self._cancelled_by or by or "somebody"
        self._change(held=False)

    def carry(self, what: str, transfer: Callable[[StopSignal], T]) -> T:
        """Carry out a transfer, again after each time that it was held.

        Args:
            what: its name, for messages.
            transfer: does it, from where it was left; raises TransferFailed when its signal is set.

        Raises:
            TransferCancelled: somebody cancelled it.
            What `transfer` raises, also because everything ends.
        """
        while True:
            signal = self._begin(what)
            try:
                with self._stop.cutting(signal.set):
                    return transfer(signal)
            except TransferFailed:
                if self._stop.is_set() or not signal.is_set():
                    raise
            finally:
                with self._changed:
                    self._current = None

    def _begin(self, what: str) -> StopSignal:
        """Wait until it may go on."""
        with self._stop.cutting(self._wake), self._changed:
            while self._held and not self._stop.is_set():
                self._changed.wait()
            if self._cancelled_by:
                raise TransferCancelled(what=what, by=self._cancelled_by)
            self._current = StopSignal()
            return self._current

    def _change(self, *, held: bool) -> None:
        with self._changed:
            self._held = held and not self._cancelled_by
            current = self._current if self._held or self._cancelled_by else None
            self._changed.notify_all()
        if current is not None:
            current.set()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
