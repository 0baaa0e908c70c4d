"""What people read of their jobs: short, true, and with what they can do next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import LEASE_S, MOST_ATTEMPTS, NOON, ROOM, make_job

from sleap_rtc.client.job_errors import JobHasFailed, JobIdAmbiguous, JobWasCancelled, WorkersLost, check_end
from sleap_rtc.client.job_names import ending_with
from sleap_rtc.client.job_words import age, brief, last_worker, next_step, step_note, was_lost
from sleap_rtc.events import job_steps
from sleap_rtc.events.api import JobView
from sleap_rtc.events.waiting import WaitCause, Waiting
from sleap_rtc.storage.errors import ExitCode, NotFound

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import Job

LATER = NOON + timedelta(seconds=LEASE_S)
MISSING = NotFound(what="job in room")


def waiting_job() -> Job:
    return job_steps.queued(make_job(), NOON, "notice")


def held_job() -> Job:
    return job_steps.claimed(waiting_job(), "w1", NOON, LEASE_S, "message", MOST_ATTEMPTS)


def lost_job(most_attempts: int = MOST_ATTEMPTS) -> Job:
    return job_steps.lost(held_job(), LATER, "message", most_attempts)


def failed_job() -> Job:
    return job_steps.failed(held_job(), NOON, "w1", "training_failed", "The trainer ended with status 1")


def view(job: Job, waiting: Waiting | None = None) -> JobView:
    return JobView(**dict(job), waiting=waiting)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert age(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("cause", list(WaitCause))
def test_every_reason_to_wait_has_few_words(cause: WaitCause) -> None:
    text = brief(Waiting(position=3, cause=cause, reason="a long story"))
    assert text.startswith("#3 ")
    assert len(text) <= len("#3 no worker")


def test_what_does_not_wait_has_no_words() -> None:
    assert brief(None) == ""


def test_a_lost_worker_is_no_failed_training() -> None:
    assert "did not fail" in step_note("lost", "message", "")
    assert step_note("requeued", "2ec8a701-0000-0000-0000-000000000000", "") == "queued again by itself"
    assert step_note("requeued", "the worker shut down", "") == "queued again by itself: the worker shut down"
    assert step_note("failed", "training_failed", "No.") == "(training_failed) No."


def test_a_job_says_which_worker_it_lost_until_it_has_another() -> None:
    assert was_lost(lost_job()) == "w1"
    assert was_lost(job_steps.claimed(lost_job(), "w2", LATER, LEASE_S, "m", MOST_ATTEMPTS)) == ""
    assert was_lost(waiting_job()) == was_lost(make_job()) == ""


def test_a_cancelled_job_says_which_worker_was_at_it() -> None:
    assert last_worker(job_steps.cancelled(held_job(), NOON, "ada")) == "w1"
    assert last_worker(job_steps.cancelled(waiting_job(), NOON, "ada")) == ""


def test_what_comes_next_is_what_people_can_do_or_wait_for() -> None:
    waits = Waiting(position=1, cause=WaitCause.NO_WORKER, reason="no worker")
    assert next_step(view(waiting_job(), waits), NOON) == "position 1: no worker"
    assert "jobs logs -f" in next_step(view(held_job()), NOON)
    assert "queued again by itself" in next_step(view(held_job()), LATER)
    assert f"jobs retry {make_job().job_id} -r {ROOM}" in next_step(view(failed_job()), NOON)


def test_a_job_that_failed_ends_the_command_with_its_code_and_what_helps() -> None:
    with pytest.raises(
        JobHasFailed, match=r"\(training_failed\): .* status 1\. `sleap-rtc jobs retry"
    ) as told:
        check_end(failed_job())
    assert told.value.exit_code is ExitCode.JOB_FAILED


def test_a_job_whose_workers_were_lost_ends_it_with_other_words() -> None:
    with pytest.raises(WorkersLost, match="its training did not fail"):
        check_end(lost_job(most_attempts=1))


def test_a_cancelled_job_ends_it_with_a_code_of_its_own() -> None:
    with pytest.raises(JobWasCancelled, match="cancelled by ada") as told:
        check_end(job_steps.cancelled(held_job(), NOON, "ada"))
    assert told.value.exit_code is ExitCode.JOB_CANCELLED


def test_a_published_job_ends_it_well() -> None:
    check_end(job_steps.published(held_job(), NOON, "notice"))


def test_an_ending_that_two_jobs_have_names_both() -> None:
    with pytest.raises(JobIdAmbiguous, match="1AAAA, 2AAAA"):
        ending_with("AAAA", ["1AAAA", "2AAAA", "3AAAB"], MISSING)


def test_an_ending_that_no_job_has_is_not_found() -> None:
    with pytest.raises(NotFound):
        ending_with("BBBB", ["1AAAA"], MISSING)


@given(st.sets(st.text("0AZ", min_size=4, max_size=6), min_size=1), st.data())
def test_an_ending_never_names_another_job(ids: set[str], data: st.DataObject) -> None:
    wanted = data.draw(st.sampled_from(sorted(ids)))
    ending = wanted[-data.draw(st.integers(4, 6)) :]
    alike = [job_id for job_id in ids if job_id.endswith(ending)]
    if len(alike) == 1:
        assert ending_with(ending, ids, MISSING) == wanted
    else:
        with pytest.raises(JobIdAmbiguous):
            ending_with(ending, ids, MISSING)
