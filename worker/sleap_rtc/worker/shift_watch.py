"""Orchestration: ends a worker's shift.

It only asks the consumer to stop, as SIGTERM does: the long poll in flight is not cut, and what it still
brings goes straight back. Unlike SIGTERM it never gives up the job at hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from sleap_rtc.events.outcome import Done, Poison

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message
    from sleap_rtc.worker.shift import Shift

log = logging.getLogger(__name__)


class ShiftWatch:
    """Stands between the consumer and the handler, and counts, other work included.

    Args:
        shift: when it is over.
        handle: what handles a message.
        stop: set when the shift is over; whoever else sets it ends the watch.
        clock: returns seconds.
    """

    def __init__(
        self,
        shift: Shift,
        handle: Callable[[Message], Awaitable[Outcome]],
        stop: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shift = shift
        self._handle = handle
        self._stop = stop
        self._clock = clock
        self._settled = 0
        self._under_way = 0
        self._idle_since = clock()

    async def handle(self, message: Message) -> Outcome:
        """Handle a message; the one that ends the shift is settled like any other."""
        with self.at_work():
            outcome = await self._handle(message)
        if isinstance(outcome, (Done, Poison)):
            self.settled()
        else:
            self._look()
        return outcome

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Be at work while the block runs."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._idle_since = self._clock()

    def settled(self) -> None:
        """Count a job that is done."""
        self._settled += 1
        self._look()

    async def run(self) -> None:
        """Look for the end of the shift until `stop` is set."""
        while not self._stop.is_set():
            self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_again_s()):
                    await self._stop.wait()

    def _look(self) -> None:
        why = self._shift.over(self._settled, self._idle_for_s())
        if why is not None and not self._stop.is_set():
            log.info("leaving: %s", why)
            self._stop.set()

    def _idle_for_s(self) -> float:
        return 0.0 if self._under_way else self._clock() - self._idle_since

    def _look_again_s(self) -> float | None:
        """Return when the shift can be over at the earliest, in seconds from now; None if never by idling."""
        if self._shift.idle_s is None:
            return None
        return max(0.0, self._shift.idle_s - self._idle_for_s())
