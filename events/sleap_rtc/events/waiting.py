"""Pure: where a job stands in its room's queue, and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from sleap_rtc.events.jobs import HELD, WAITING
from sleap_rtc.events.workers import present

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.workers import WorkerView


class Waiting(BaseModel):
    """Why a job has not started. Position 1 is next; queues of SQS keep the order only roughly."""

    model_config = ConfigDict(frozen=True)

    position: int
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
    if job.state not in WAITING or job.accepted:
        return None
    return Waiting(position=_position(job, room_jobs), reason=_reason(job, room_jobs, workers, now))


def _position(job: Job, room_jobs: Sequence[Job]) -> int:
    ahead = [
        other
        for other in room_jobs
        if other.state in WAITING and (other.since(), other.job_id) < (job.since(), job.job_id)
    ]
    return len(ahead) + 1


def _reason(job: Job, room_jobs: Sequence[Job], workers: Sequence[WorkerView], now: datetime) -> str:
    if job.not_before is not None and job.not_before > now:
        return f"it is tried again at {job.not_before:%H:%M:%S} UTC: {job.history[-1].event}"
    held = [other for other in room_jobs if other.state in HELD]
    there = present(list(workers), now)
    if not there and not held:
        return f"no worker takes jobs of this room; `sleap-rtc worker -r {job.room_id}` starts one on a GPU"
    ahead = _position(job, room_jobs) - 1
    if ahead:
        return f"{_count(ahead, 'job')} before it, {_count(len(held), 'job')} running"
    if held and len(held) >= len(there):
        return f"{_count(len(held), 'worker')} busy; it is next"
    return "a worker is about to take it"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
