"""Orchestration: a job while this worker holds it.

The lease is renewed in the background. Once it is lost, because this worker was too slow or the job was
taken away, `lost` is set and every further change is refused: what a stale worker made is not published.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from sleap_rtc.events import jobs
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job, JobState

log = logging.getLogger(__name__)


class HeldJob:
    """Changes the record of one claimed job and tells the room."""

    def __init__(self, store: JobStore, feed: RoomFeed, job: Job, lease_s: float) -> None:
        self._store = store
        self._feed = feed
        self.job = job
        self._lease_s = lease_s
        self._fencing = job.fencing
        self.stop = threading.Event()
        """Set when work on the job has to end at once: the lease is lost, or the worker shuts down."""
        self._released = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Keep the lease alive."""
        self._renewal.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop renewing."""
        self._released.set()
        self._renewal.join()

    def advance(self, state: JobState, note: str = "", **fields: str) -> None:
        """Move on to the next step. Raises LeaseLost."""

        def to_state(present: Job) -> Job:
            moved = jobs.advanced(present, state, self._fencing, datetime.now(UTC), note)
            return moved.model_copy(update=fields)

        self._change(to_state)
        self._feed.tell_job(self.job)

    def fail(self, code: str, message: str) -> None:
        """End the job without a model. Raises LeaseLost."""

        def to_failed(present: Job) -> Job:
            jobs.check_fencing(present, self._fencing)
            holder = present.lease.worker_id if present.lease else "?"
            return jobs.failed(present, datetime.now(UTC), holder, code, message)

        self._change(to_failed)
        self._feed.tell_job(self.job)

    def give_back(self, reason: str, most_attempts: int) -> None:
        """Let another attempt have it. Raises LeaseLost."""
        self._change(
            lambda present: jobs.given_back(present, self._fencing, datetime.now(UTC), reason, most_attempts)
        )
        self._feed.tell_job(self.job)

    def _change(self, change: Callable[[Job], Job]) -> None:
        self.job = self._store.change(self.job.room_id, self.job.job_id, change)

    def _renew(self) -> None:
        while not self._released.wait(self._lease_s / 3):
            try:
                self._store.change(
                    self.job.room_id,
                    self.job.job_id,
                    lambda present: jobs.renewed(present, self._fencing, datetime.now(UTC), self._lease_s),
                )
            except LeaseLost as error:
                if not self._released.is_set():
                    log.warning("job %s: %s", self.job.job_id, error)
                    self.stop.set()
                return
            except SleapRtcError as error:
                log.warning("job %s: the lease was not renewed: %s", self.job.job_id, error)
