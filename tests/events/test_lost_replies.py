"""Whatever is said twice, because the first answer was lost, is as good as said once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import NOON, make_job

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_reports import Advanced, Failed, GivenBack, JobRules, Renewed, reported
from sleap_rtc.events.jobs import (
    JobCancelled,
    JobClaimed,
    JobEnded,
    JobNotReady,
    JobState,
    LeaseLost,
)
from sleap_rtc.events.problem_fields import error_of, fields_of
from sleap_rtc.events.queue import HandleDead

if TYPE_CHECKING:
    from sleap_rtc.events.job_reports import Report
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.errors import SleapRtcError

RULES = JobRules(lease_s=60, most_attempts=3)
SOON = NOON + timedelta(seconds=5)

steps = st.builds(
    Advanced,
    state=st.sampled_from([JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING]),
    note=st.sampled_from(["", "a note"]),
)
ends = st.builds(Failed, code=st.sampled_from(["refused", "gave_up"]), message=st.sampled_from(["a", "b"]))
backs = st.builds(
    GivenBack, reason=st.sampled_from(["a", "b"]), delay_s=st.sampled_from([0, 30]), counts=st.booleans()
)
reports = st.one_of(steps, ends, backs, st.just(Renewed()))


def claimed(spent: int = 0) -> Job:
    job = job_steps.queued(make_job(spent=spent), NOON, "notice")
    return job_steps.claimed(job, "w1", NOON, RULES.lease_s, "m1", RULES.most_attempts, "ada")


def said(job: Job, report: Report) -> Job:
    return reported(job, report, 1, SOON, RULES)


@given(st.lists(steps, max_size=3), reports, st.integers(0, 2))
def test_a_report_said_twice_is_said_once(before: list[Advanced], report: Report, spent: int) -> None:
    job = claimed(spent)
    for step in before:
        job = said(job, step)
    once = said(job, report)
    assert said(once, report) == once


@given(reports)
def test_no_report_of_an_old_hold_counts_after_the_next_claim(report: Report) -> None:
    back = said(claimed(), GivenBack(reason="a", counts=False))
    taken = job_steps.claimed(back, "w2", SOON, RULES.lease_s, "m2", RULES.most_attempts)
    with pytest.raises(LeaseLost):
        said(taken, report)


@given(st.sampled_from([("w2", "m1", "ada"), ("w1", "m2", "ada"), ("w1", "m1", "bob")]))
def test_a_claim_is_recognised_by_worker_message_and_subject(other: tuple[str, str, str]) -> None:
    worker_id, event, subject = other
    with pytest.raises(JobClaimed):
        job_steps.claimed(claimed(), worker_id, SOON, RULES.lease_s, event, RULES.most_attempts, subject)


def test_a_claim_that_is_made_again_holds_for_another_lease() -> None:
    again = job_steps.claimed(claimed(), "w1", SOON, RULES.lease_s, "m1", RULES.most_attempts, "ada")
    assert again.history == claimed().history
    assert job_steps.lease_remaining_s(again, SOON) == RULES.lease_s


def test_a_claim_that_is_made_again_after_its_lease_is_a_new_one() -> None:
    late = NOON + timedelta(seconds=RULES.lease_s)
    again = job_steps.claimed(claimed(), "w1", late, RULES.lease_s, "m1", RULES.most_attempts, "ada")
    assert (again.fencing, again.spent) == (2, 1)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("handle_dead", HandleDead()),
        ("job_claimed", JobClaimed(worker_id="gpu-1", remaining_s=12.5)),
        ("job_ended", JobEnded(state=JobState.PUBLISHED)),
        ("job_not_ready", JobNotReady(why="it waits", remaining_s=3.0)),
        ("lease_lost", LeaseLost(held=1, current=2)),
        ("job_cancelled", JobCancelled(held=1, current=1, by="Ada")),
    ],
)
def test_an_error_that_a_worker_acts_on_crosses_whole(code: str, error: SleapRtcError) -> None:
    fields = fields_of(error)
    assert fields is not None
    told = error_of(code, fields.model_dump(mode="json", exclude_none=True))
    assert type(told) is type(error)
    assert (str(told), vars(told)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("job_claimed", None),
        ("job_claimed", {"worker_id": "w", "remaining_s": "soon"}),
        ("job_claimed", {"worker_id": "w" * 97, "remaining_s": 1}),
        ("job_not_ready", {"why": "it waits"}),
        ("job_ended", {"state": "eaten"}),
        ("lease_lost", [1, 2]),
        ("not_found", {}),
    ],
)
def test_what_is_not_whole_is_not_taken_for_it(code: str, fields: object) -> None:
    assert error_of(code, fields) is None
