"""Orchestration: where workers take jobs and report on them.

`JobDesk` is the port. `StoreJobDesk` works on the records themselves: a worker with a role has one of its
own, and the service has one for the workers that have none.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_reports import Finished, reported
from sleap_rtc.events.job_samples import check_sample
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.events.usage_reports import UsageReport, check_usage
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound, PreconditionFailed
from sleap_rtc.storage.object_store import Create, Overwrite
from sleap_rtc.storage.own_session import CHECKSUM
from sleap_rtc.storage.usage_keys import worker_usage_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_reports import Hold, JobRules, Report
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.usage import Usage


class JobDesk(Protocol):
    """Claims jobs and takes reports. Every method may raise Unreachable and Refused."""

    def claim(self, room_id: str, job_id: str, worker_id: str, event: str) -> Job:
        """Give a job to a worker; the job that comes back may have ended, if too many workers were lost.

        Raises:
            NotFound: there is no such job.
            JobEnded: there is nothing left to do.
            JobClaimed: another worker holds it.
            JobNotReady: it is not queued yet, or has to wait.
        """

    def report(self, hold: Hold, report: Report) -> Job:
        """Change a job as its holder says.

        Raises:
            LeaseLost: it is not the holder's any more; JobCancelled, since somebody cancelled it.
            InputError: the job cannot take this report, or the results that it names are not there.
        """

    def look(self, hold: Hold) -> Job:
        """Return the job while it is still the holder's. Raises LeaseLost, JobCancelled."""

    def write_log(self, hold: Hold, segment: int, text: str) -> None:
        """Keep a numbered piece of the job's log, also after the job is lost; the first writing counts."""

    def write_progress(self, hold: Hold, seq: int, text: str) -> None:
        """Keep events of the hold's run, a line of JSON each and `seq` the number of the last, for whoever
        watches without a live path; also after the job is lost. The first writing counts."""

    def write_sample(self, hold: Hold, name: str, content: bytes) -> None:
        """Keep a picture that the trainer drew, a PNG; that of a later run takes the place of an earlier one.

        Raises:
            InputError: it is no PNG, it is too large, or the name is none for it.
        """

    def write_usage(self, hold: Hold, began: datetime, usage: Usage, idle: Usage) -> None:
        """Keep what the holder used since it began, and what it had used while it waited before; once for
        each hold, and also after the job is lost.

        Raises:
            UsageImplausible: it cannot have.
        """

    def check_in(self, view: WorkerView) -> None:
        """Say that a worker is there, and until when to believe it."""


class StoreJobDesk:
    """Works on the records in the rooms bucket.

    Args:
        rooms: the rooms bucket.
        jobs: the records in it.
        feed: tells the room.
        rules: lease and attempts.
        subject: whom the service knows the worker as; empty for a worker with a role of its own.
        clock: returns the time.
    """

    def __init__(
        self,
        rooms: ObjectStore,
        jobs: JobStore,
        feed: RoomFeed,
        rules: JobRules,
        subject: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rooms = rooms
        self._jobs = jobs
        self._feed = feed
        self._rules = rules
        self._subject = subject
        self._clock = clock

    def claim(self, room_id: str, job_id: str, worker_id: str, event: str) -> Job:
        """Give a job to a worker."""
        rules = self._rules

        def to_claimed(present: Job) -> Job:
            return job_steps.claimed(
                present, worker_id, self._clock(), rules.lease_s, event, rules.most_attempts, self._subject
            )

        return self._told(room_id, job_id, to_claimed)

    def report(self, hold: Hold, report: Report) -> Job:
        """Change a job as its holder says."""

        def to_reported(present: Job) -> Job:
            self._check_subject(present, hold)
            after = reported(present, report, hold.fencing, self._clock(), self._rules)
            if isinstance(report, Finished) and after is not present:
                self._check_results(after)
            return after

        return self._told(hold.room_id, hold.job_id, to_reported)

    def look(self, hold: Hold) -> Job:
        """Return the job while it is the holder's."""
        return self.held(hold)

    def held(self, hold: Hold) -> Job:
        """Return the job while it is the holder's. Raises LeaseLost, JobCancelled."""
        job = self._jobs.get(hold.room_id, hold.job_id)
        self._check_subject(job, hold)
        job_steps.check_fencing(job, hold.fencing)
        return job

    def write_log(self, hold: Hold, segment: int, text: str) -> None:
        """Keep a piece of the job's log; what is there already stays."""
        if self._subject:
            self._check_writer(self._jobs.get(hold.room_id, hold.job_id), hold)
        key = keys.log_key(hold.room_id, hold.job_id, segment)
        with suppress(PreconditionFailed):
            self._rooms.put(key, text.encode(), Create(), "text/plain; charset=utf-8")

    def write_progress(self, hold: Hold, seq: int, text: str) -> None:
        """Keep events of the hold's run; what is there already stays."""
        if self._subject:
            self._check_writer(self._jobs.get(hold.room_id, hold.job_id), hold)
        key = keys.progress_key(hold.room_id, hold.job_id, hold.fencing, seq)
        with suppress(PreconditionFailed):
            self._rooms.put(key, text.encode(), Create(), "application/x-ndjson")

    def write_sample(self, hold: Hold, name: str, content: bytes) -> None:
        """Keep a picture; one of a holder that was lost takes the place of none."""
        key = keys.sample_key(hold.room_id, hold.job_id, name)
        check_sample(name, content)
        job = self._jobs.get(hold.room_id, hold.job_id)
        self._check_writer(job, hold)
        with suppress(PreconditionFailed):
            self._rooms.put(
                key, content, Overwrite() if hold.fencing == job.fencing else Create(), "image/png"
            )

    def write_usage(self, hold: Hold, began: datetime, usage: Usage, idle: Usage) -> None:
        """Keep what the holder used; the first word counts."""
        job = self._jobs.get(hold.room_id, hold.job_id)
        self._check_writer(job, hold)
        check_usage(usage + idle, job.dataset.size_bytes)
        report = UsageReport(
            by="worker",
            reporter=next((edge.by for edge in reversed(job.history) if edge.fencing == hold.fencing), ""),
            fencing=hold.fencing,
            began=began,
            ended=self._clock(),
            usage=usage,
            idle=idle,
        )
        key = worker_usage_key(hold.room_id, hold.job_id, hold.fencing)
        Documents(self._rooms, UsageReport).create(key, report)

    def check_in(self, view: WorkerView) -> None:
        """Say that a worker is there."""
        key = keys.worker_key(view.room_id, keys.checked_worker_id(view.worker_id))
        self._rooms.put(key, view.model_dump_json().encode(), Overwrite())

    def _check_results(self, job: Job) -> None:
        """What a report says of files is true once they lie there with these sizes and checksums."""
        for file in job.results:
            try:
                found = self._rooms.head(job.results_folder.file(file.name))
            except NotFound:
                raise InputError(message=f"The result {file.name} is not there.") from None
            if (found.size_bytes, found.metadata.get(CHECKSUM)) != (file.size_bytes, file.checksum):
                raise InputError(message=f"The result {file.name} is not the file that was reported.")

    def _check_subject(self, job: Job, hold: Hold) -> None:
        """A worker that asks through the service may only speak of what it claimed there itself."""
        if self._subject and job.lease is not None and job.lease.subject != self._subject:
            raise LeaseLost(held=hold.fencing, current=job.fencing)

    def _check_writer(self, job: Job, hold: Hold) -> None:
        """A holder that was lost may still write its last lines; one that never was may not write any."""
        if hold.fencing > job.fencing:
            raise LeaseLost(held=hold.fencing, current=job.fencing)
        if hold.fencing == job.fencing:
            self._check_subject(job, hold)

    def _told(self, room_id: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        known = 0

        def counted(present: Job) -> Job:
            nonlocal known
            known = len(present.history)
            return change(present)

        job = self._jobs.change(room_id, job_id, counted)
        if len(job.history) > known:
            self._feed.tell_job(job, len(job.history) - known)
        return job
