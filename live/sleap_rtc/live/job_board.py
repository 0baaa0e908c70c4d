"""Adapter: the jobs that a worker is at or was at just now, for its live peers; safe to use from any thread.

A job runs in threads, its watchers live in an event loop: here the two meet.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.live.event_log import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.events.job_commands import Command, CommandAnswer
    from sleap_rtc.events.job_progress import JobEvent, Told

log = logging.getLogger(__name__)

MOST_RUNS = 8
"""Runs that are remembered after their end, for whoever was cut off and comes back to hear how it ended."""


class JobRun:
    """One run of a job, as others may see it.

    Args:
        job_id: of the job.
        run: the fencing number of its claim.
        command: obeys a command of somebody; blocks until it has an effect or is refused. Called in a thread.
        find: returns where a file of the job lies that may be read out; None if there is none of this name.
    """

    def __init__(
        self,
        job_id: str,
        run: int,
        command: Callable[[Command, str, str], CommandAnswer],
        find: Callable[[str], Path | None] = lambda _: None,
    ) -> None:
        self.job_id = job_id
        self.run = run
        self.command = command
        self.find = find
        self.ended = False
        self._events = EventLog(run)
        self._lock = threading.Lock()
        self._watchers: dict[object, Callable[[], None]] = {}

    def tell(self, event: JobEvent) -> None:
        """Tell everybody who watches. Raises nothing and waits for nobody."""
        with self._lock:
            self._events.tell(event, datetime.now(UTC))
            watchers = list(self._watchers.values())
        for wake in watchers:
            wake()

    def since(self, seq: int) -> list[Told]:
        """Return what there is to tell after an event."""
        with self._lock:
            return self._events.since(seq)

    @property
    def newest(self) -> int:
        """The number of the newest event."""
        return self._events.newest

    def reaches_back_to(self, seq: int) -> bool:
        """Tell whether everything behind an event is still there that must arrive."""
        return seq + 1 >= self._events.oldest_kept

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called, in any thread, after each event; return what ends that."""
        key = object()
        with self._lock:
            self._watchers[key] = wake

        def unwatch() -> None:
            with self._lock:
                self._watchers.pop(key, None)

        return unwatch


class JobBoard:
    """The runs of one worker, the newest last."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, JobRun] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, run: JobRun) -> None:
        """Show a run; an earlier one of the same job is taken down."""
        with self._lock:
            self._runs.pop(run.job_id, None)
            self._runs[run.job_id] = run
            while len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)

    def get(self, job_id: str) -> JobRun | None:
        """Return the newest run of a job here."""
        with self._lock:
            return self._runs.get(job_id)


def waker(event: asyncio.Event) -> Callable[[], None]:
    """Return what sets an event of this loop from any thread."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(event.set)
        except RuntimeError:  # the loop is closed: nobody listens any more
            log.debug("nobody listens any more")

    return wake
