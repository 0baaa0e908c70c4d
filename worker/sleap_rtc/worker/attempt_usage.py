"""Adapter: counts what this worker uses of the cloud and the network, and tells it of each attempt at a job.

A worker has one job at a time, so all that it asks while it has one is that job's, its lease, its message and
its presence included. What it asks while it waits is told with its next job. A word that is lost, with a
worker that is killed, is shown as not told; nothing ever waits for it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.job_reports import Hold
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.traffic import Called
from sleap_rtc.storage.usage_keys import Account, account_of_key
from sleap_rtc.storage.usage_tally import UsageTally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.traffic import Moved

log = logging.getLogger(__name__)


class AttemptUsage:
    """A hook for traffic, and what tells of it.

    Args:
        room_id: whose worker it is.
    """

    def __init__(self, room_id: str) -> None:
        self._room = Account(room_id)
        self._held: Account | None = None
        self._tally: UsageTally[Account] = UsageTally(self._account)

    def __call__(self, event: Called | Moved) -> None:
        """Count an event."""
        self._tally(event)

    @contextmanager
    def of(self, desk: JobDesk, job: Job) -> Iterator[None]:
        """Count for a job while the context is open, then tell it."""
        began, hold = datetime.now(UTC), Hold(job.room_id, job.job_id, job.fencing)
        account = self._held = Account(job.room_id, "job", job.job_id)
        try:
            yield
        finally:
            self._held = None
            usage, idle = self._tally.take_of(account), self._tally.take_of(self._room)
            try:
                desk.write_usage(hold, began, usage, idle)
            except SleapRtcError as error:
                log.warning("job %s: nobody knows what this attempt used: %s", job.job_id, error)

    def _account(self, event: Called | Moved) -> Account:
        if self._held is not None:
            return self._held
        # A claim comes before anybody holds the job.
        found = account_of_key(event.about) if isinstance(event, Called) else self._room
        return found if found.kind == "job" and found.room_id == self._room.room_id else self._room
