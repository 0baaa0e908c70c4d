"""Pure: where a job stands in its room's queue, and what it waits for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from sleap_rtc.events.jobs import HELD, WAITING, JobState
from sleap_rtc.events.workers import BELIEVED_FOR, present

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.workers import WorkerView


class WaitCause(StrEnum):
    """What keeps a job from being started."""

    PAUSE = "pause"
    NO_WORKER = "no_worker"
    OTHER_JOBS = "other_jobs"
    BUSY = "busy"
    NOTHING = "nothing"


class Waiting(BaseModel):
    """Why a job has not started. Position 1 is next; queues of SQS keep the order only roughly."""

    model_config = ConfigDict(frozen=True)

    position: int
    cause: WaitCause
    reason: str


def waiting(
    job: Job, room_jobs: Sequence[Job], workers: Sequence[WorkerView], now: datetime
) -> Waiting | None:
    """Tell why a job waits; None if it does not.

    Args:
        job: the job.
        room_jobs: every job of its room that has not ended.
        workers: what the room's workers said of themselves.
        now: the time.
    """
    if not _waits(job):
        return None
    position = 1 + sum(_waits(other) and _turn(other) < _turn(job) for other in room_jobs)
    running = sum(_runs(other, now) for other in room_jobs)
    silent = _silent_since(room_jobs, now)
    there = sum(_checked_in_since(worker, silent) for worker in present(list(workers), now))
    cause, reason = _why(job, position, running, there, now)
    return Waiting(position=position, cause=cause, reason=reason)


def _waits(job: Job) -> bool:
    return job.state in WAITING and not job.accepted


def _turn(job: Job) -> tuple[datetime, str]:
    """A job that pauses lines up again when the pause ends; ids keep two jobs of one moment apart."""
    return max(job.since(), job.not_before or job.since()), job.job_id


def _runs(job: Job, now: datetime) -> bool:
    """A job whose lease ran out is nobody's, though its record says so only after the next sweep."""
    return job.state in HELD and not job.accepted and job.lease is not None and job.lease.until > now


def _silent_since(room_jobs: Sequence[Job], now: datetime) -> dict[str, datetime]:
    """Return when workers were found not to renew their leases, by worker."""
    silent = {}
    for job in room_jobs:
        silent.update({edge.by: edge.at for edge in job.history if edge.state is JobState.LOST})
        if job.lease is not None and job.lease.until <= now:
            silent[job.lease.worker_id] = job.lease.until
    return silent


def _checked_in_since(worker: WorkerView, silent: dict[str, datetime]) -> bool:
    """A worker that was killed is not believed for as long as it promised; one that was late is, again."""
    since = silent.get(worker.worker_id)
    return since is None or worker.until - BELIEVED_FOR > since


def _why(job: Job, position: int, running: int, workers: int, now: datetime) -> tuple[WaitCause, str]:
    if not workers and not running:
        start = f"`sleap-rtc worker -r {job.room_id}` starts one on a GPU"
        return WaitCause.NO_WORKER, f"no worker takes jobs of this room; {start}"
    if job.not_before is not None and job.not_before > now:
        why = f": {job.history[-1].event}" if job.history else ""
        return WaitCause.PAUSE, f"it is tried again at {job.not_before:%H:%M:%S} UTC{why}"
    if position > 1:
        ahead = _count(position - 1, "job")
        return WaitCause.OTHER_JOBS, f"{ahead} before it, {_count(running, 'job')} running"
    if running >= max(workers, 1):
        busy = "the worker is busy" if running == 1 else f"all {running} workers are busy"
        return WaitCause.BUSY, f"{busy}; it is next"
    return WaitCause.NOTHING, "a worker is about to take it"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
