"""Pure: what is asked of a job through its record, by whoever has no live path to its worker.

Whoever watches says so in the record for two minutes at a time, and the worker, who looks at the record
anyway, tells of the job for that long. A command stands in the record until the worker has answered it. None
of this is a step of the job: the history says nothing of it and the room is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events.job_commands import MOST_NAME_CHARACTERS, AskedCommand, CommandAnswer
from sleap_rtc.events.job_steps import lease_remaining_s
from sleap_rtc.events.jobs import HELD
from sleap_rtc.storage.errors import ExitCode, NotFound, SleapRtcError

if TYPE_CHECKING:
    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.jobs import Job

WATCHED_FOR = timedelta(seconds=120)
_RENEWED_BELOW = timedelta(seconds=60)
"""However many watch at however many instances, the record is written once a minute."""
LAST_WORDS = timedelta(seconds=15)
"""How long after its end a run may still say what it did; then its open commands count as refused."""
MOST_ASKED = 32


class CommandRefused(SleapRtcError):
    """Job {job_id} takes no commands now: {why}."""

    exit_code = ExitCode.BAD_INPUT
    job_id: str
    why: str


def watched(job: Job, now: datetime) -> Job:
    """Say that somebody watches, unless the record says so for long enough or there is nothing to watch."""
    if job.ended or (job.watched_until is not None and job.watched_until - now >= _RENEWED_BELOW):
        return job
    return job.model_copy(update={"watched_until": now + WATCHED_FOR})


def is_watched(job: Job, now: datetime) -> bool:
    """Tell whether somebody watches without a live path."""
    return job.watched_until is not None and job.watched_until > now


def is_attended(job: Job, now: datetime) -> bool:
    """Tell whether the job's holder is to look at the record often."""
    return is_watched(job, now) or bool(open_commands(job, job.fencing))


def awaits_last_words(job: Job, now: datetime) -> bool:
    """Tell whether the worker of a job that ended may still have something to tell to those who watch."""
    told_until = job.watched_until
    return told_until is not None and job.since() < told_until and now < job.since() + LAST_WORDS


def asked(job: Job, command_id: str, command: Command, by: str, now: datetime) -> Job:
    """Put a command into the record; the same command again changes nothing.

    Raises:
        CommandRefused: nobody is there to obey it, or too many wait.
    """
    if any(each.command_id == command_id for each in job.asked):
        return job
    why = _why_not(job, now)
    if why:
        raise CommandRefused(job_id=job.job_id, why=why)
    fresh = AskedCommand(
        command_id=command_id, command=command, by=by[:MOST_NAME_CHARACTERS], at=now, run=job.fencing
    )
    settled = [each.model_copy(update={"answer": answer_of(each, job, now)}) for each in job.asked]
    while len(settled) >= MOST_ASKED:
        oldest = next((each for each in settled if each.answer is not None), None)
        if oldest is None:
            why = f"{MOST_ASKED} commands wait for its worker already; wait until it has answered one"
            raise CommandRefused(job_id=job.job_id, why=why)
        settled.remove(oldest)
    return job.model_copy(update={"asked": (*settled, fresh)})


def answered(job: Job, run: int, command_id: str, answer: CommandAnswer, now: datetime) -> Job:
    """Note what a run's worker did about a command; an answer that was given stays."""

    def noted(each: AskedCommand) -> AskedCommand:
        mine = (each.command_id, each.run) == (command_id, run)
        if not mine or answer_of(each, job, now) is not None:
            return each
        return each.model_copy(update={"answer": answer})

    after = tuple(noted(each) for each in job.asked)
    return job if after == job.asked else job.model_copy(update={"asked": after})


def command_of(job: Job, command_id: str) -> AskedCommand:
    """Return a command of the record. Raises NotFound."""
    for each in job.asked:
        if each.command_id == command_id:
            return each
    raise NotFound(what=f"command {command_id} of job {job.job_id}")


def answer_of(asked: AskedCommand, job: Job, now: datetime) -> CommandAnswer | None:
    """Return the answer to a command, be it that its run ended without one; None while one may come."""
    if asked.answer is not None:
        return asked.answer
    ended_at = _ended_at(job, asked.run)
    if ended_at is None or now < ended_at + LAST_WORDS:
        return None
    return CommandAnswer.refused(
        f"the worker was done with the job before it answered, and the job is {job.state} now; whether the "
        "command had an effect is not known"
    )


def open_commands(job: Job, run: int) -> tuple[AskedCommand, ...]:
    """Return the commands that a run's worker has to answer, in the order in which they were given."""
    return tuple(each for each in job.asked if each.run == run and each.answer is None)


@dataclass
class Attention:
    """Whether a job is watched, as its worker sees it, whose clock may be wrong.

    A renewal counts from the moment at which it is seen; only the record's first state is compared with the
    clock.
    """

    _seen: datetime | None = None
    _looked: bool = False
    _until_s: float = 0.0

    def looked(self, watched_until: datetime | None, now: datetime, moment_s: float) -> None:
        """Note what the record says; `moment_s` is of a clock that nobody sets."""
        if watched_until is not None and watched_until != self._seen:
            left = WATCHED_FOR if self._looked else min(watched_until - now, WATCHED_FOR)
            self._until_s = moment_s + left.total_seconds()
        self._seen, self._looked = watched_until, True

    def lasts(self, moment_s: float) -> bool:
        """Tell whether the job is watched."""
        return moment_s < self._until_s


def _why_not(job: Job, now: datetime) -> str:
    """Return why nobody would obey a command and what to do; empty if somebody would."""
    if job.ended:
        return f"it is {job.state}"
    if job.accepted:
        return job.on_its_way
    if job.state not in HELD:
        return (
            "no worker is at it. Give the command again when one is; "
            f"`sleap-rtc jobs cancel {job.job_id} -r {job.room_id}` ends the job"
        )
    if not lease_remaining_s(job, now):
        return "its worker has fallen silent. Give the command again when it or another one is at the job"
    return ""


def _ended_at(job: Job, run: int) -> datetime | None:
    """Return when a run ended; None if it has not."""
    if job.fencing == run and job.state in HELD:
        return None
    return next((edge.at for edge in reversed(job.history) if edge.fencing == run), job.created_at)
