"""Pure: every change that a job can go through.

    uploaded → queued → claimed → downloading → training → uploading → published
                 ↑         └────────────┴────────────┴──────────┴──→ failed(code)
                 │         └────────────┴────────────┴─────────────→ cancelled
                 └── requeued(n) ← lost ←──────── (the lease ran out) ┘

While a model is sent, the sweep alone says that a worker is lost: it looks whether the model came.

A job that makes several models trains and uploads them one after the other; each that is sent counts from
then on, whoever holds the job next.

A change takes a job and returns the next version of it, or raises. The lock is the lease: whoever holds the
newest fencing number may change the job until the lease runs out. Every edge stays in the history.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import (
    HELD,
    WAITING,
    CancelRefused,
    Edge,
    Job,
    JobCancelled,
    JobClaimed,
    JobEnded,
    JobFailure,
    JobModel,
    JobNotReady,
    JobState,
    Lease,
    LeaseLost,
    OutOfTurn,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.events.inference import ResultFile
    from sleap_rtc.storage.manifest import ModelTurn


def _step(job: Job, state: JobState, now: datetime, by: str, event: str = "") -> Job:
    edge = Edge(state=state, at=now, by=by, attempt=job.attempt, fencing=job.fencing, event=event)
    return job.model_copy(update={"state": state, "history": (*job.history, edge)})


def _holder(job: Job) -> str:
    return job.lease.worker_id if job.lease else "?"


def queued(job: Job, now: datetime, event: str) -> Job:
    """Begin: the dataset is complete, and the job waits for a worker."""
    return _step(
        _step(job, JobState.UPLOADED, now, "dispatch", event), JobState.QUEUED, now, "dispatch", event
    )


def claimed(
    job: Job, worker_id: str, now: datetime, lease_s: float, event: str, most_attempts: int, subject: str = ""
) -> Job:
    """Give the job to a worker; an expired lease means that the last one was lost.

    A worker whose claim went through and whose reply was lost claims again with the same event: its claim
    holds, from now on for another lease.

    Raises:
        JobEnded: there is nothing left to do.
        JobClaimed: another worker holds it.
        JobNotReady: it has not been queued, it waits before it is tried again, or its model may be there.
    """
    if job.ended:
        raise JobEnded(state=job.state)
    if job.accepted:
        raise JobNotReady(why="its model is being published", remaining_s=lease_s)
    if job.state in HELD:
        remaining_s = lease_remaining_s(job, now)
        if remaining_s > 0:
            if _is_same_claim(job, worker_id, event, subject):
                return renewed(job, job.fencing, now, lease_s)
            raise JobClaimed(worker_id=_holder(job), remaining_s=remaining_s)
        if job.state is JobState.UPLOADING:
            # The notice of it may be late, or lost: the sweep publishes it, or queues the job again.
            raise JobNotReady(why="its model may be there already", remaining_s=lease_s)
        job = lost(job, now, event, most_attempts)
        if job.ended:
            return job
    if job.state not in WAITING:
        raise JobNotReady(why=f"it is {job.state}", remaining_s=lease_s)
    if job.not_before is not None and job.not_before > now:
        remaining_s = (job.not_before - now).total_seconds()
        raise JobNotReady(why="it waits before it is tried again", remaining_s=remaining_s)
    lease = Lease(worker_id=worker_id, until=now + timedelta(seconds=lease_s), subject=subject)
    job = job.model_copy(
        update={
            "attempt": job.attempt + 1,
            "fencing": job.fencing + 1,
            "lease": lease,
            "not_before": None,
        }
    )
    return _step(job, JobState.CLAIMED, now, worker_id, event)


def _is_same_claim(job: Job, worker_id: str, event: str, subject: str) -> bool:
    """Tell whether the job was claimed by this worker for this event and nothing happened since."""
    last, lease = job.history[-1], job.lease
    claim = (last.state, last.by, last.event) == (JobState.CLAIMED, worker_id, event)
    return claim and lease is not None and (lease.worker_id, lease.subject) == (worker_id, subject)


def lease_remaining_s(job: Job, now: datetime) -> float:
    """Return how long the present holder may still work, in seconds; 0 if nobody holds it."""
    return max(0.0, (job.lease.until - now).total_seconds()) if job.lease else 0.0


def lost(job: Job, now: datetime, event: str, most_attempts: int) -> Job:
    """The holder's lease ran out: queue the job again, or end it after too many attempts."""
    job = _step(job, JobState.LOST, now, _holder(job), event)
    job = job.model_copy(update={"lease": None, "spent": job.spent + 1})
    if job.spent >= most_attempts:
        message = f"The worker was lost; that was attempt {job.spent} of {most_attempts} that count."
        return failed(job, now, "reconcile", "worker_lost", message)
    return _step(job, JobState.REQUEUED, now, "reconcile", event)


def check_fencing(job: Job, fencing: int) -> None:
    """Refuse a stale worker.

    Raises:
        JobCancelled: somebody cancelled the job.
        LeaseLost: a newer fencing number has been given out, or the job ended otherwise.
    """
    if job.state is JobState.CANCELLED:
        raise JobCancelled(held=fencing, current=job.fencing, by=job.history[-1].by)
    if job.fencing != fencing or job.state not in HELD or job.accepted:
        raise LeaseLost(held=fencing, current=job.fencing)


def renewed(job: Job, fencing: int, now: datetime, lease_s: float) -> Job:
    """Extend the lease of the holder. Raises LeaseLost."""
    check_fencing(job, fencing)
    lease = job.lease or Lease(worker_id="?", until=now)
    return job.model_copy(
        update={"lease": lease.model_copy(update={"until": now + timedelta(seconds=lease_s)})}
    )


def advanced(job: Job, state: JobState, fencing: int, now: datetime, note: str = "") -> Job:
    """The holder moves on to the next step. Raises LeaseLost."""
    check_fencing(job, fencing)
    return _step(job, state, now, _holder(job), note)


def failed(job: Job, now: datetime, by: str, code: str, message: str) -> Job:
    """End without a model."""
    job = job.model_copy(update={"failure": JobFailure(code=code, message=message), "lease": None})
    return _step(job, JobState.FAILED, now, by, code)


def given_back(
    job: Job, fencing: int, now: datetime, reason: str, delay_s: float, most_attempts: int, *, counts: bool
) -> Job:
    """The holder cannot go on for a reason that may pass; another attempt may.

    Args:
        job: the job.
        fencing: of the holder.
        now: the time.
        reason: for the owner.
        delay_s: how long nobody is to take it.
        most_attempts: after how many attempts that count the job fails.
        counts: whether this one does.

    Raises:
        LeaseLost: the job is not the holder's any more.
    """
    check_fencing(job, fencing)
    holder = _holder(job)
    job = job.model_copy(update={"spent": job.spent + counts})
    if job.spent >= most_attempts:
        return failed(job, now, holder, "gave_up", reason)
    wait = now + timedelta(seconds=delay_s) if delay_s > 0 else None
    job = job.model_copy(update={"lease": None, "not_before": wait})
    return _step(job, JobState.REQUEUED, now, holder, reason)


def cancelled(job: Job, now: datetime, by: str) -> Job:
    """End the job because somebody wants it; doing it twice changes nothing.

    Raises:
        CancelRefused: it has ended otherwise, or its model is already on its way.
    """
    if job.state is JobState.CANCELLED:
        return job
    if job.ended:
        raise CancelRefused(job_id=job.job_id, why=f"it is {job.state}")
    if job.accepted or job.state is JobState.UPLOADING:
        raise CancelRefused(job_id=job.job_id, why=job.on_its_way)
    return _step(job.model_copy(update={"lease": None}), JobState.CANCELLED, now, by)


def accepted(job: Job, model: JobModel, turn: ModelTurn, fencing: int) -> Job:
    """The model that this holder made is the one that counts; doing it twice changes nothing.

    Once it counts it does so whoever holds the job, and whatever becomes of the job.

    Args:
        job: the job.
        model: which.
        turn: its place among the models of the job.
        fencing: of the holder that made it.

    Raises:
        LeaseLost: a newer fencing number has been given out, or the job ended.
        OutOfTurn: it is not this one's turn.
    """
    if job.models[turn.index : turn.index + 1] == (model,):
        return job
    if job.fencing != fencing or job.state not in HELD | WAITING | {JobState.PUBLISHED}:
        raise LeaseLost(held=fencing, current=job.fencing)
    if job.accepted or turn.index != len(job.models):
        raise OutOfTurn(number=turn.index + 1, there=len(job.models))
    # Whatever the holder sent besides: an interim model, as it had to leave, is not what the job made.
    of_job = {"model_id": model.model_id, "model_type": model.model_type}
    return job.model_copy(update={"models": (*job.models, model), "accepted": turn.is_last, **of_job})


def sent(job: Job, model: JobModel, turn: ModelTurn, fencing: int) -> Job:
    """The holder has sent a model that is not its last one, and goes on; saying it twice changes nothing.

    Raises:
        LeaseLost: the job is not the holder's any more.
        OutOfTurn: it is not this one's turn.
    """
    check_fencing(job, fencing)
    return accepted(job, model, turn, fencing)


def published(job: Job, now: datetime, event: str) -> Job:
    """End with every model in the manifest; doing it twice changes nothing."""
    if job.ended:
        return job
    return _step(job.model_copy(update={"lease": None}), JobState.PUBLISHED, now, "publish", event)


def finished(job: Job, fencing: int, now: datetime, results: tuple[ResultFile, ...]) -> Job:
    """End with the files that an inference made; they are the holder's, and were looked at.

    Raises:
        LeaseLost: a newer fencing number has been given out, or the job ended.
    """
    check_fencing(job, fencing)
    done = _step(job, JobState.PUBLISHED, now, _holder(job), ", ".join(file.name for file in results))
    return done.model_copy(update={"lease": None, "results": results})
