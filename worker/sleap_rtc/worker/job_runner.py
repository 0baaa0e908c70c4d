"""Orchestration: one job from its wake-up to its model.

The message only wakes; the claim in the job's record is the lock. What can pass (a store that does not
answer) gives the job back; what cannot (a dataset that is not what was uploaded) fails it with a code and a
sentence.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.events.delivery import backoff_s, trouble_of
from sleap_rtc.events.inference import InferenceRequest
from sleap_rtc.events.jobs import Job, JobClaimed, JobEnded, JobNotReady, LeaseLost
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import JOB_FAILED
from sleap_rtc.events.messages import JobMessage, MessageUnreadable
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater
from sleap_rtc.events.spans import unheard
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
from sleap_rtc.storage.transfer_hold import TransferCancelled
from sleap_rtc.worker import attempt_spans
from sleap_rtc.worker.errors import JobFailed
from sleap_rtc.worker.held_job import HeldJob
from sleap_rtc.worker.inference_attempt import InferenceAttempt
from sleap_rtc.worker.job_attempt import JobAttempt, WorkerStopping
from sleap_rtc.worker.job_log import JobLog
from sleap_rtc.worker.job_relay import JobRelay
from sleap_rtc.worker.machine_watch import MachineWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.queue import Message
    from sleap_rtc.events.spans import SpanHook
    from sleap_rtc.live.job_board import JobBoard
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.worker.attempt_ports import DatasetBringer, ModelTaker
    from sleap_rtc.worker.attempt_usage import AttemptUsage
    from sleap_rtc.worker.inference_ports import Inference
    from sleap_rtc.worker.resumable_training import Checkpointing
    from sleap_rtc.worker.trainer import Trainer, TrainerName

log = logging.getLogger(__name__)

_CODES: dict[type[SleapRtcError], str] = {
    ObjectChanged: "dataset_changed",
    IntegrityError: "dataset_corrupt",
    DiskFull: "disk_full",
    Refused: "refused",
    TransferCancelled: "transfer_cancelled",
}


class JobRunner:
    """Handles the messages of a room's job queue.

    Args:
        worker_id: unique to this process.
        room_id: whose jobs it takes.
        desk: where jobs are claimed and reported on.
        downloader: brings datasets.
        cache: keeps them for the next job.
        publisher: sends models.
        checkpointing: keeps what a training that is lost can go on from; None where nobody could.
        trainer: returns the engine to use, given what the job asks for.
        work_dir: where job folders are made.
        lease_s: for how long a claim holds without renewal, in seconds.
        board: where the job at hand can be watched and commanded.
        leaves_models: whether what a training has come to is sent to the room when the worker has to leave.
        inference: what inferences take; None where no such job comes.
        usage: counts what an attempt uses, and tells it; None where nobody asks.
        on_span: hears of each attempt and its stages.
    """

    def __init__(
        self,
        *,
        worker_id: str,
        room_id: str,
        desk: JobDesk,
        downloader: DatasetBringer,
        cache: BlobCache,
        publisher: ModelTaker,
        checkpointing: Checkpointing | None,
        trainer: Callable[[TrainerName | None], Trainer],
        work_dir: Path,
        lease_s: float,
        board: JobBoard,
        leaves_models: bool = False,
        inference: Inference | None = None,
        usage: AttemptUsage | None = None,
        on_span: SpanHook = unheard,
    ) -> None:
        self._worker_id = worker_id
        self._room_id = room_id
        self._desk = desk
        self._downloader = downloader
        self._cache = cache
        self._publisher = publisher
        self._checkpointing = checkpointing
        self._trainer = trainer
        self._work_dir = work_dir
        self._lease_s = lease_s
        self._board = board
        self._leaves_models = leaves_models
        self._inference = inference
        self._usage = usage
        self._on_span = on_span
        self._held: HeldJob | None = None
        self._stopping = False
        self._ended_as = ""

    def stop(self) -> None:
        """End the work on the present job at once and give it back; called when the worker shuts down."""
        self._stopping = True
        if self._held is not None:
            self._held.stop.set()

    @property
    def job_id(self) -> str | None:
        """The job under way."""
        held = self._held
        return held.hold.job_id if held else None

    async def handle(self, message: Message) -> Outcome:
        """Act on one wake-up."""
        try:
            wanted = JobMessage.parse(message.body)
        except MessageUnreadable as error:
            return Poison(error.code, str(error))
        if wanted.room_id != self._room_id:
            return Poison("foreign_room", f"it is for room {wanted.room_id}, not {self._room_id}")
        return await asyncio.to_thread(self._handle, wanted, message)

    def _handle(self, wanted: JobMessage, message: Message) -> Outcome:
        try:
            job = self._desk.claim(wanted.room_id, wanted.job_id, self._worker_id, message.message_id)
        except JobEnded:
            return Done()
        except (JobClaimed, JobNotReady) as wait:
            return RetryLater(wait.remaining_s + 1, str(wait))
        except NotFound as missing:
            return Poison("unknown_job", str(missing))
        if job.ended:
            return Done()
        counted = self._usage.of(self._desk, job) if self._usage is not None else nullcontext()
        traced = attempt_spans.attempt(job, wanted, message.message_id, self._worker_id, self._on_span)
        with counted, traced as span:
            outcome = self._run(job, message.receive_count)
            span.note({"sleap_rtc.state": self._ended_as})
            return outcome

    def _run(self, job: Job, receive_count: int) -> Outcome:
        folder = Path(tempfile.mkdtemp(prefix=f"{job.job_id}-", dir=self._work_dir))

        def looked(now: Job) -> None:
            relay.looked(now)

        held = HeldJob(self._desk, job, self._lease_s, looked)
        lines = JobLog(self._desk, held.hold)
        attempt = self._attempt(held, lines, folder)
        relay = JobRelay(self._desk, held.hold, attempt.run)
        self._board.put(attempt.run)
        self._held = held
        try:
            with relay, held, lines, MachineWatch(attempt.run.tell):
                if self._stopping:
                    held.stop.set()
                return self._carry_out(held, attempt, receive_count)
        except LeaseLost as error:
            log.warning("job %s: %s", job.job_id, error)
            return Done()  # whoever holds it now has a message of his own
        finally:
            self._ended_as = str(held.job.state)
            self._held = None
            shutil.rmtree(folder, ignore_errors=True)

    def _attempt(self, held: HeldJob, lines: JobLog, folder: Path) -> JobAttempt:
        request, inference = held.job.request, self._inference
        if inference is not None and isinstance(request, InferenceRequest):
            return InferenceAttempt(held, lines, folder, self._worker_id, request, inference)
        return JobAttempt(held, lines, folder, self._worker_id)

    def _carry_out(self, held: HeldJob, attempt: JobAttempt, receive_count: int) -> Outcome:
        why = ""
        try:
            if isinstance(attempt, InferenceAttempt):
                attempt.infer(self._downloader, self._cache)
            else:
                self._train(held, attempt)
        except Exception as error:
            why = str(error)
            return self._broken_off(held, attempt, error, receive_count)
        finally:
            attempt.end(why)
        return Done()

    def _train(self, held: HeldJob, attempt: JobAttempt) -> None:
        packages = attempt.bring_dataset(self._downloader, self._cache)
        trainer = self._trainer(held.job.request.trainer)
        attempt.make_models(packages, trainer, self._checkpointing, self._publisher)

    def _broken_off(
        self, held: HeldJob, attempt: JobAttempt, error: Exception, receive_count: int
    ) -> Outcome:
        """Say of the job what an error makes of it. What broke because it was stopped is not to blame."""
        if held.lost is not None:
            error = held.lost
        elif held.stop.is_set():
            error = WorkerStopping()
        match error:
            case LeaseLost():
                attempt.line(str(error))
                raise error
            case WorkerStopping():
                if self._leaves_models and attempt.leave_model(self._publisher):
                    return Done()
                attempt.line("the worker shuts down; the job goes back to the queue")
                held.give_back("the worker shut down", counts=False)
                return RetryLater(0, "the worker shuts down")
            case Unreachable() | TransferFailed():
                return self._give_back(held, attempt, error, str(error), receive_count)
            case SleapRtcError():
                self._fail(held, attempt, _code_of(error), str(error))
            case OSError(errno=errno.ENOSPC):
                message = f"The disk of worker {self._worker_id} is full."
                self._fail(held, attempt, "disk_full", message)
            case _:
                log.error("job %s: unexpected error", held.hold.job_id, exc_info=error)
                reason = f"an error that nobody thought of: {type(error).__name__}: {error}"
                return self._give_back(held, attempt, error, reason, receive_count)
        return Done()

    def _give_back(
        self, held: HeldJob, attempt: JobAttempt, error: Exception, reason: str, receive_count: int
    ) -> Outcome:
        trouble = trouble_of(error)
        count = held.job.spent + 1 if trouble.counted else receive_count
        delay_s = backoff_s(trouble, count, random.random())  # noqa: S311 - jitter
        attempt.line(f"giving the job back: {reason}")
        held.give_back(reason, delay_s, counts=trouble.counted)
        return Done() if held.job.ended else RetryLater(delay_s + 1, reason)

    def _fail(self, held: HeldJob, attempt: JobAttempt, code: str, message: str) -> None:
        attempt.line(f"failed ({code}): {message}")
        attempt.flush()
        log_event(
            log,
            JOB_FAILED,
            job_id=held.hold.job_id,
            code=code,
            reason=message,
            room_id=held.hold.room_id,
            attempt=held.job.attempt,
        )
        held.fail(code, message)


def _code_of(error: SleapRtcError) -> str:
    if isinstance(error, JobFailed):
        return error.code
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), "unexpected")
