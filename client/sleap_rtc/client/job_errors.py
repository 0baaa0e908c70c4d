"""Pure: how jobs end that bring no model, and names that do not say which job is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobState
from sleap_rtc.storage.errors import ExitCode, InputError, NotFound, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import Job


class JobIdAmbiguous(InputError):
    """More than one job of the room ends with {ending}: {job_ids}. Give more characters."""

    ending: str
    job_ids: str


class JobHasFailed(SleapRtcError):
    """The job failed ({code}): {message} `sleap-rtc jobs retry {job_id} -r {room_id}` tries it again."""

    exit_code = ExitCode.JOB_FAILED
    job_id: str
    room_id: str
    code: str
    message: str


class WorkersLost(JobHasFailed):
    """The job ended although its training did not fail ({code}): {message} `sleap-rtc jobs retry {job_id}
    -r {room_id}` tries it again."""


class JobWasCancelled(SleapRtcError):
    """The job was cancelled by {by}. `sleap-rtc jobs retry {job_id} -r {room_id}` starts it again."""

    exit_code = ExitCode.JOB_CANCELLED
    job_id: str
    room_id: str
    by: str


class CommandRefused(InputError):
    """The worker did not do it: {why}"""

    why: str


class CommandUnanswered(Unreachable):
    """No answer to {command} within {within_s:g} s. It may still have its effect: `sleap-rtc jobs attach
    {job_id} -r {room_id}` shows what comes of it."""

    command: str
    room_id: str
    job_id: str
    within_s: float


class FileOfJobMissing(NotFound):
    """The file {name} cannot be had: {why}"""

    name: str


def check_end(job: Job) -> None:
    """Refuse a job that ended without a model.

    Raises:
        JobHasFailed: its training failed; WorkersLost if too many workers did.
        JobWasCancelled: somebody cancelled it.
    """
    if job.state is JobState.CANCELLED:
        raise JobWasCancelled(job_id=job.job_id, room_id=job.room_id, by=job.history[-1].by)
    if job.failure is not None:
        kind = WorkersLost if job.failure.code == "worker_lost" else JobHasFailed
        code, message = job.failure.code, job.failure.message.rstrip()
        sentence = message if message.endswith((".", "!", "?")) else f"{message}."
        raise kind(job_id=job.job_id, room_id=job.room_id, code=code, message=" ".join(sentence.split()))
