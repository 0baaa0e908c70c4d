"""Orchestration: one job from its wake-up to its model.

The message only wakes; the claim in the job's record is the lock. What can pass (a store that does not
answer) gives the job back; what cannot (a dataset that is not what was uploaded) fails it with a code and a
sentence.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.events import jobs
from sleap_rtc.events.consumer import Done, Outcome, Poison, RetryLater
from sleap_rtc.events.jobs import Job, JobClaimed, JobEnded, JobNotReady, JobState, LeaseLost
from sleap_rtc.events.messages import JobMessage, MessageUnreadable
from sleap_rtc.storage.errors import (
    DiskFull,
    IntegrityError,
    NotFound,
    ObjectChanged,
    Refused,
    SleapRtcError,
    TransferFailed,
    Unreachable,
)
from sleap_rtc.worker.errors import JobFailed
from sleap_rtc.worker.held_job import HeldJob
from sleap_rtc.worker.job_log import JobLog
from sleap_rtc.worker.package import unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.queue import Message
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.worker.downloader import S3Downloader
    from sleap_rtc.worker.model_publisher import ModelPublisher
    from sleap_rtc.worker.trainer import Trainer, TrainerName

log = logging.getLogger(__name__)

_PASSING = (Unreachable, TransferFailed)
_RETRY_S = 15.0
_CODES: dict[type[SleapRtcError], str] = {
    ObjectChanged: "dataset_changed",
    IntegrityError: "dataset_corrupt",
    DiskFull: "disk_full",
    Refused: "refused",
}


class JobRunner:
    """Handles the messages of a room's job queue.

    Args:
        worker_id: unique to this process.
        job_store: the jobs.
        feed: tells the room.
        logs: the rooms bucket, for the jobs' logs.
        downloader: brings datasets.
        cache: keeps them for the next job.
        publisher: sends models.
        trainer: returns the engine to use, given what the job asks for.
        work_dir: where job folders are made.
        lease_s: for how long a claim holds without renewal, in seconds.
        most_attempts: after how many a job fails.
    """

    def __init__(
        self,
        *,
        worker_id: str,
        job_store: JobStore,
        feed: RoomFeed,
        logs: ObjectStore,
        downloader: S3Downloader,
        cache: BlobCache,
        publisher: ModelPublisher,
        trainer: Callable[[TrainerName | None], Trainer],
        work_dir: Path,
        lease_s: float,
        most_attempts: int,
    ) -> None:
        self._worker_id = worker_id
        self._jobs = job_store
        self._feed = feed
        self._logs = logs
        self._downloader = downloader
        self._cache = cache
        self._publisher = publisher
        self._trainer = trainer
        self._work_dir = work_dir
        self._lease_s = lease_s
        self._most_attempts = most_attempts
        self._held: HeldJob | None = None
        self._stopping = False

    def stop(self) -> None:
        """End the work on the present job at once and give it back; called when the worker shuts down."""
        self._stopping = True
        if self._held is not None:
            self._held.stop.set()

    async def handle(self, message: Message) -> Outcome:
        """Act on one wake-up."""
        try:
            wanted = JobMessage.parse(message.body)
        except MessageUnreadable as error:
            return Poison(str(error))
        return await asyncio.to_thread(self._handle, wanted, message.message_id)

    def _handle(self, wanted: JobMessage, message_id: str) -> Outcome:
        try:
            job, edges = self._claim(wanted, message_id)
        except JobEnded:
            return Done()
        except JobClaimed as holder:
            return RetryLater(holder.remaining_s + 1, str(holder))
        except JobNotReady as early:
            return RetryLater(1, str(early))
        except NotFound as missing:
            return Poison(str(missing))
        self._feed.tell_job(job, edges)
        return Done() if job.ended else self._run(job)

    def _run(self, job: Job) -> Outcome:
        log.info("job %s: claimed, attempt %d", job.job_id, job.attempt)
        folder = Path(tempfile.mkdtemp(prefix=f"{job.job_id}-", dir=self._work_dir))
        held = HeldJob(self._jobs, self._feed, job, self._lease_s)
        self._held = held
        try:
            with held, JobLog(self._logs, job) as lines:
                if self._stopping:
                    held.stop.set()
                return self._attempt(held, lines, folder)
        except LeaseLost as error:
            log.warning("job %s: %s", job.job_id, error)
            return Done()  # whoever holds it now has a message of his own
        finally:
            self._held = None
            shutil.rmtree(folder, ignore_errors=True)

    def _claim(self, wanted: JobMessage, message_id: str) -> tuple[Job, int]:
        """Claim the job; return it, and how many edges that added to its history."""
        known = 0

        def to_claimed(present: Job) -> Job:
            nonlocal known
            known = len(present.history)
            now = datetime.now(UTC)
            return jobs.claimed(present, self._worker_id, now, self._lease_s, message_id, self._most_attempts)

        job = self._jobs.change(wanted.room_id, wanted.job_id, to_claimed)
        return job, len(job.history) - known

    def _attempt(self, held: HeldJob, lines: JobLog, folder: Path) -> Outcome:
        try:
            self._work(held, lines, folder)
        except _PASSING as error:
            lines.line(f"giving the job back: {error}")
            held.give_back(str(error), self._most_attempts)
            return Done() if held.job.ended else RetryLater(_RETRY_S, str(error))
        except SleapRtcError as error:
            if isinstance(error, LeaseLost):
                raise
            code = error.code if isinstance(error, JobFailed) else _code_of(error)
            lines.line(f"failed ({code}): {error}")
            lines.flush()
            log.error("job %s: failed (%s): %s", held.job.job_id, code, error)
            held.fail(code, str(error))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            lines.line("failed (disk_full): the worker's disk is full")
            held.fail("disk_full", f"The disk of worker {self._worker_id} is full.")
        except _WorkerStopping:
            lines.line("the worker shuts down; the job goes back to the queue")
            held.give_back("the worker shut down", self._most_attempts)
            return Done() if held.job.ended else RetryLater(0, "the worker shuts down")
        return Done()

    def _work(self, held: HeldJob, lines: JobLog, folder: Path) -> None:
        job = held.job
        held.advance(JobState.DOWNLOADING)
        unpacked = folder / "package"
        unpacked.mkdir()
        with self._downloader.cached(job.dataset, self._cache, lines.line) as archive:
            package = unpack(archive, unpacked)
        self._check(held)

        trainer = self._trainer(job.request.trainer)
        lines.flush()
        held.advance(JobState.TRAINING, f"dataset verified {job.dataset.checksum}")
        lines.line(f"training {package.model_type} with the {trainer.title}")
        result = trainer.train(package, job.request.overrides, lines.line, held.stop)
        self._check(held)

        record = self._publisher.describe(
            result.folder, held.job, trainer.title, package.model_type, self._worker_id, datetime.now(UTC)
        )
        if result.epochs:
            record = record.model_copy(update={"metrics": {**record.metrics, "curve": list(result.epochs)}})
        lines.flush()
        held.advance(
            JobState.UPLOADING,
            f"model {record.model_id}",
            model_id=record.model_id,
            model_type=record.model_type,
        )
        lines.line(f"uploading model {record.model_id} to room storage, {record.size_bytes:,} bytes")

        def sent(file: ModelFile) -> None:
            lines.line(f"sent {file.name} {file.checksum}")
            if file is record.files[-1]:
                lines.flush()

        self._publisher.send(result.folder, record, sent)

    def _check(self, held: HeldJob) -> None:
        if not held.stop.is_set():
            return
        if self._stopping:
            raise _WorkerStopping
        raise LeaseLost(held=held.job.fencing, current=-1)


class _WorkerStopping(Exception):
    """The worker was asked to end."""


def _code_of(error: SleapRtcError) -> str:
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), "unexpected")
