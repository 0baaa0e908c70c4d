"""Pure: what a job's record means, in the words of its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import HELD, WAITING, JobState
from sleap_rtc.events.waiting import WaitCause

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sleap_rtc.events.api import JobView
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.waiting import Waiting

_STEPS = ((86_400, "d"), (3600, "h"), (60, "min"))


def age(span: timedelta) -> str:
    """Return how long ago something was, as people say it; clocks that differ make it no less than 0."""
    seconds = max(0, int(span.total_seconds()))
    for unit_s, name in _STEPS:
        if seconds >= unit_s:
            return f"{seconds // unit_s} {name}"
    return f"{seconds} s"


def brief(waiting: Waiting | None) -> str:
    """Return the position and what is waited for, in a table's few words."""
    return f"#{waiting.position} {_BRIEFLY[waiting.cause]}" if waiting else ""


_BRIEFLY = {
    WaitCause.PAUSE: "a pause",
    WaitCause.NO_WORKER: "no worker",
    WaitCause.OTHER_JOBS: "its turn",
    WaitCause.BUSY: "busy",
    WaitCause.NOTHING: "a worker",
}


def step_note(state: str, cause: str, text: str) -> str:
    """Return what is to be said beside a step: of what looks alike, what happens next.

    Args:
        state: which the job came into.
        cause: the event that the step's record names; a failure's code.
        text: the notification's own words.
    """
    if state == JobState.LOST:
        return "its worker fell silent; the training did not fail"
    if state == JobState.REQUEUED:
        # A reason has words; the id of a message has none.
        return f"queued again by itself: {cause}" if " " in cause else "queued again by itself"
    if state == JobState.FAILED and cause:
        return f"({cause}) {text}"
    return text


def next_step(job: JobView, now: datetime) -> str:
    """Return what happens to the job now, or what its owner can do."""
    again = f"`sleap-rtc jobs retry {job.job_id} -r {job.room_id}`"
    match job.state:
        case JobState.FAILED:
            text = f"nothing happens by itself; {again} tries it again"
        case JobState.CANCELLED:
            text = f"{again} starts it again"
        case JobState.PUBLISHED if job.results:
            text = f"`sleap-rtc jobs results {job.job_id} -r {job.room_id}` brings the predictions here"
        case JobState.PUBLISHED:
            which = f"the last of its {len(job.made)} models" if len(job.made) > 1 else "the model"
            text = f"`sleap-rtc models pull {job.model_id} -r {job.room_id}` brings {which} here"
        case _ if job.waiting is not None:
            text = f"position {job.waiting.position}: {job.waiting.reason}"
        case _ if job.accepted:
            text = "its model is being published"
        case _ if job.state in HELD and job.lease is not None and job.lease.until <= now:
            text = "its worker fell silent; within a minute or so the job is queued again by itself"
        case _:
            text = f"`sleap-rtc jobs logs -f {job.job_id} -r {job.room_id}` follows it"
    return text


def was_lost(job: Job) -> str:
    """Return which worker the job lost last if it waits for another because of that."""
    before = job.history[-2] if len(job.history) > 1 else None
    if job.state in WAITING and before is not None and before.state is JobState.LOST:
        return before.by
    return ""


def last_worker(job: Job) -> str:
    """Return the worker that was at a job when it was cancelled; empty if none was."""
    before = job.history[-2] if len(job.history) > 1 else None
    return before.by if before is not None and before.state in HELD else ""


def attach_again(room_id: str, job_id: str) -> str:
    """Return what to tell somebody who watches a job no longer."""
    again = f"`sleap-rtc jobs attach {job_id} -r {room_id}` watches it again"
    return f"The job goes on. {again}, `sleap-rtc jobs cancel {job_id} -r {room_id}` ends it."


def goes_on(room_id: str, job_id: str) -> str:
    """Return what to tell somebody who stops following a job: it goes on, and how he gets back to it."""
    follow = f"`sleap-rtc jobs logs -f {job_id} -r {room_id}` follows it again"
    return f"The job goes on. {follow}, `sleap-rtc jobs cancel {job_id} -r {room_id}` ends it."
