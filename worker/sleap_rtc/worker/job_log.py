"""Adapter: a job's log, written to the room in segments while the job runs.

Segments are numbered so that those of a later attempt sort after those of an earlier one. A store that does
not answer costs lines of the log, never the job.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from sleap_rtc.events.tracing import in_this_span
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.job_reports import Hold

log = logging.getLogger(__name__)

_SOONEST_S, _LATEST_S = 1.0, 15.0
_OF_AGE = 1 / 60
_SEGMENTS_PER_ATTEMPT = 100_000


def segment_every_s(age_s: float) -> float:
    """Return how many seconds apart the segments of a log are that began so many seconds ago.

    A log that talks all the time takes 220 segments in its first quarter of an hour and 240 an hour later on:
    0.0012 dollars an hour at 0.005 per 1,000 PUTs (S3 in us-east-1, November 2026), and not 0.018.
    """
    return min(max(_SOONEST_S, age_s * _OF_AGE), _LATEST_S)


class JobLog:
    """Lines in, segments out: every second at first, and later at most 15 seconds after a line."""

    def __init__(self, desk: JobDesk, hold: Hold) -> None:
        self._desk = desk
        self._hold = hold
        self._next = hold.fencing * _SEGMENTS_PER_ATTEMPT
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=in_this_span(self._run), name="job-log", daemon=True)

    def __enter__(self) -> Self:
        """Start writing."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left."""
        self._closing.set()
        self._thread.join()
        self.flush()

    def line(self, text: str) -> None:
        """Add a line."""
        stamp = datetime.now(UTC).strftime("%H:%M:%S")
        with self._lock:
            self._lines.append(f"{stamp} {text}\n")

    def _run(self) -> None:
        began = time.monotonic()
        while not self._closing.wait(segment_every_s(time.monotonic() - began)):
            self.flush()

    def flush(self) -> None:
        """Write what there is, so that it can be read before what happens next."""
        with self._lock:
            lines, self._lines = self._lines, []
        if not lines:
            return
        self._next += 1
        try:
            self._desk.write_log(self._hold, self._next, "".join(lines))
        except SleapRtcError as error:
            log.warning("job %s: %d log lines were not kept: %s", self._hold.job_id, len(lines), error)
