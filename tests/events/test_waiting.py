"""Why a job waits, and where it stands: a line without gaps, and a reason that helps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.jobs import NOON, ROOM, make_job

from sleap_rtc.events import job_steps
from sleap_rtc.events.jobs import Job, JobState
from sleap_rtc.events.waiting import WaitCause, Waiting, waiting
from sleap_rtc.events.workers import BELIEVED_FOR, WorkerView

SECOND = timedelta(seconds=1)
LEASE_S = 60.0


def queued(number: int, at: datetime = NOON, **changed: Any) -> Job:
    """Return a job that waits; the numbers of two jobs are the order of their ids."""
    return job_steps.queued(make_job(job_id=f"01J{number:023}"), at, "notice").model_copy(update=changed)


def running(number: int, **changed: Any) -> Job:
    job = job_steps.claimed(queued(number), f"w{number}", NOON, LEASE_S, "message", 3)
    return job.model_copy(update=changed)


def worker(name: str = "w1", until: datetime = NOON + timedelta(minutes=6)) -> WorkerView:
    return WorkerView(
        room_id=ROOM, worker_id=name, kind="desktop", trainer="reference", started_at=NOON, until=until
    )


def told(job: Job, *others: Job, workers: tuple[WorkerView, ...] = ()) -> Waiting:
    found = waiting(job, [job, *others], workers, NOON)
    assert found is not None
    return found


def test_a_room_without_a_worker_says_how_to_start_one() -> None:
    found = told(queued(1), queued(2))
    assert (found.position, found.cause) == (1, WaitCause.NO_WORKER)
    assert f"`sleap-rtc worker -r {ROOM}` starts one" in found.reason


def test_a_worker_that_has_not_checked_in_is_not_believed_to_be_there() -> None:
    assert told(queued(1), workers=(worker(until=NOON),)).cause is WaitCause.NO_WORKER


def test_a_worker_that_holds_a_job_is_there_whatever_it_said() -> None:
    found = told(queued(2), running(1))
    assert (found.cause, found.reason) == (WaitCause.BUSY, "the worker is busy; it is next")


def test_a_job_whose_lease_ran_out_is_nobodys() -> None:
    late = job_steps.claimed(queued(1), "w1", NOON - 2 * timedelta(seconds=LEASE_S), LEASE_S, "message", 3)
    assert told(queued(2), late).cause is WaitCause.NO_WORKER


def test_a_worker_that_fell_silent_is_believed_again_once_it_checks_in() -> None:
    lost = job_steps.lost(running(1), NOON, "the lease ran out", 3)
    before, after = NOON + BELIEVED_FOR - SECOND, NOON + BELIEVED_FOR + SECOND
    assert told(lost, workers=(worker("w1", before),)).cause is WaitCause.NO_WORKER
    assert told(lost, workers=(worker("w1", after),)).cause is WaitCause.NOTHING
    assert told(lost, workers=(worker("w2", before),)).cause is WaitCause.NOTHING


def test_a_worker_that_does_not_renew_is_not_believed_before_the_sweep_finds_out() -> None:
    late = job_steps.claimed(queued(1), "w1", NOON - timedelta(seconds=LEASE_S), LEASE_S, "message", 3)
    checked_in = worker("w1", NOON + BELIEVED_FOR - SECOND)
    assert told(queued(2), late, workers=(checked_in,)).cause is WaitCause.NO_WORKER


def test_a_free_worker_takes_the_first_job() -> None:
    found = told(queued(2), running(1), workers=(worker("w1"), worker("w2")))
    assert found.cause is WaitCause.NOTHING


def test_all_workers_are_busy() -> None:
    found = told(queued(3), running(1), running(2), workers=(worker("w1"), worker("w2")))
    assert found.reason == "all 2 workers are busy; it is next"


def test_a_job_behind_others_says_how_many_there_are() -> None:
    found = told(queued(3), queued(1), queued(2), running(4), workers=(worker("w4"),))
    assert (found.position, found.cause) == (3, WaitCause.OTHER_JOBS)
    assert found.reason == "2 jobs before it, 1 job running"


def test_a_job_that_pauses_says_until_when_and_why_and_lets_others_pass() -> None:
    held = running(1)
    paused = job_steps.given_back(held, held.fencing, NOON, "The store is away", 15, 3, counts=False)
    found = told(paused, queued(2, NOON + SECOND), workers=(worker(),))
    assert (found.position, found.cause) == (2, WaitCause.PAUSE)
    assert found.reason == "it is tried again at 12:00:15 UTC: The store is away"


def test_a_pause_that_is_over_is_no_reason() -> None:
    over = queued(1, not_before=NOON - SECOND)
    assert told(over, workers=(worker(),)).cause is WaitCause.NOTHING


def test_only_a_job_that_waits_is_told_of() -> None:
    for job in (running(1), job_steps.cancelled(queued(1), NOON, "ada"), queued(1, accepted=True)):
        assert waiting(job, [job], [], NOON) is None


a_moment = st.integers(-100, 100).map(lambda seconds: NOON + seconds * SECOND)
a_job = st.tuples(a_moment, st.none() | a_moment, st.sampled_from(["waits", "runs", "accepted", "ended"]))


def made(number: int, at: datetime, not_before: datetime | None, kind: str) -> Job:
    job = queued(number, at, not_before=not_before)
    match kind:
        case "runs":
            return job.model_copy(update={"state": JobState.TRAINING})
        case "accepted":
            return job.model_copy(update={"accepted": True})
        case "ended":
            return job.model_copy(update={"state": JobState.CANCELLED})
    return job


@given(st.lists(a_job, max_size=12), st.integers(0, 3))
def test_the_positions_of_those_that_wait_are_a_line_without_gaps(drawn: list[Any], workers: int) -> None:
    jobs = [made(number, *values) for number, values in enumerate(drawn)]
    there = [worker(f"w{number}") for number in range(workers)]
    found = [waiting(job, jobs, there, NOON) for job in jobs]
    places = sorted(one.position for one in found if one is not None)
    assert places == list(range(1, len(places) + 1))
    assert len(places) == sum(kind == "waits" for _, _, kind in drawn)
