"""The life of a job: every step, every refusal, and what holds whatever workers do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import ValidationError
from support.jobs import LEASE_S, MODEL, MOST_ATTEMPTS, NOON, accept, claim, make_job, queued_job, states

from sleap_rtc.events import job_steps
from sleap_rtc.events.jobs import (
    ENDED,
    HELD,
    WAITING,
    CancelRefused,
    Edge,
    Job,
    JobCancelled,
    JobClaimed,
    JobEnded,
    JobModel,
    JobNotReady,
    JobRequest,
    JobState,
    LeaseLost,
    OutOfTurn,
)
from sleap_rtc.storage.manifest import ModelTurn

if TYPE_CHECKING:
    from collections.abc import Callable

AFTER_THE_LEASE = NOON + timedelta(seconds=LEASE_S)
STEPS = (JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING)


def lost(job: Job, now: datetime = AFTER_THE_LEASE) -> Job:
    return job_steps.lost(job, now, "the lease ran out", MOST_ATTEMPTS)


def given_back(job: Job, fencing: int) -> Job:
    reason = "the dataset did not come through"
    return job_steps.given_back(job, fencing, NOON, reason, 0, MOST_ATTEMPTS, counts=True)


def cancelled(job: Job) -> Job:
    return job_steps.cancelled(job, NOON, "ada")


def failed(job: Job) -> Job:
    return job_steps.failed(job, NOON, "w1", "dataset_corrupt", "The dataset is corrupt.")


def published(job: Job) -> Job:
    return job_steps.published(job, NOON, "notice")


def after_losing(job: Job, workers: int) -> Job:
    for _ in range(workers):
        job = lost(claim(job))
    return job


def test_a_job_that_goes_well_passes_through_every_step() -> None:
    job = claim(queued_job())
    for step in STEPS:
        job = job_steps.advanced(job, step, job.fencing, NOON)
    assert states(published(job)) == [
        *("uploaded", "queued", "claimed"),
        *("downloading", "training", "uploading", "published"),
    ]


def test_every_edge_says_when_by_whom_in_which_attempt_and_why() -> None:
    job = job_steps.advanced(claim(queued_job(), "w7"), JobState.TRAINING, 1, NOON, "dataset verified")
    assert job.history[-1] == Edge(
        state=JobState.TRAINING, at=NOON, by="w7", attempt=1, fencing=1, event="dataset verified"
    )


def test_a_claim_gives_a_lease_and_a_fencing_number() -> None:
    job = claim(queued_job(), "w7")
    assert job.lease is not None
    assert (job.lease.worker_id, job.lease.until) == ("w7", AFTER_THE_LEASE)
    assert (job.attempt, job.fencing) == (1, 1)


def test_a_job_that_is_not_queued_cannot_be_claimed() -> None:
    with pytest.raises(JobNotReady, match="uploaded"):
        claim(make_job())


def test_a_held_job_cannot_be_claimed_and_says_for_how_long() -> None:
    with pytest.raises(JobClaimed, match="held by w1 for another 59 s"):
        claim(claim(queued_job()), "w2", NOON + timedelta(seconds=1))


@pytest.mark.parametrize("end", [failed, published, cancelled])
def test_an_ended_job_cannot_be_claimed(end: Callable[[Job], Job]) -> None:
    with pytest.raises(JobEnded):
        claim(end(claim(queued_job())), "w2")


def test_a_job_whose_lease_ran_out_goes_to_the_next_worker() -> None:
    job = claim(claim(queued_job()), "w2", AFTER_THE_LEASE)
    assert states(job)[-4:] == ["claimed", "lost", "requeued", "claimed"]
    assert job.lease is not None
    assert (job.lease.worker_id, job.attempt, job.fencing) == ("w2", 2, 2)


def test_a_claim_after_too_many_lost_workers_ends_the_job() -> None:
    job = claim(claim(after_losing(queued_job(), MOST_ATTEMPTS - 1)), "w9", AFTER_THE_LEASE)
    assert job.failure is not None
    assert (job.state, job.failure.code, job.lease) == (JobState.FAILED, "worker_lost", None)


def test_after_too_many_lost_workers_a_job_fails_and_says_how_many() -> None:
    job = after_losing(queued_job(), MOST_ATTEMPTS)
    assert job.failure is not None
    assert job.failure.message == "The worker was lost; that was attempt 3 of 3 that count."
    assert states(job)[-2:] == ["lost", "failed"]


def test_a_job_whose_worker_is_lost_is_held_by_nobody() -> None:
    job = lost(claim(queued_job()))
    assert (job.state, job.lease) == (JobState.REQUEUED, None)


def test_the_lost_worker_is_named_in_the_history() -> None:
    assert [edge.by for edge in lost(claim(queued_job(), "w7")).history[-2:]] == ["w7", "reconcile"]


def test_a_renewed_lease_counts_from_now() -> None:
    job = job_steps.renewed(claim(queued_job()), 1, NOON + timedelta(seconds=30), LEASE_S)
    assert job_steps.lease_remaining_s(job, AFTER_THE_LEASE) == 30


def test_a_renewal_leaves_no_edge() -> None:
    job = claim(queued_job())
    assert job_steps.renewed(job, 1, NOON, LEASE_S).history == job.history


def test_a_lease_that_ran_out_has_no_time_left() -> None:
    assert job_steps.lease_remaining_s(claim(queued_job()), AFTER_THE_LEASE + timedelta(days=1)) == 0


def test_a_job_that_nobody_holds_has_no_lease() -> None:
    assert job_steps.lease_remaining_s(queued_job(), NOON) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job_steps.renewed(job, 1, NOON, LEASE_S),
        lambda job: job_steps.advanced(job, JobState.TRAINING, 1, NOON),
        lambda job: given_back(job, 1),
        lambda job: job_steps.check_fencing(job, 1),
    ],
)
def test_a_stale_worker_is_refused_with_both_numbers(change: Callable[[Job], object]) -> None:
    taken_over = claim(claim(queued_job()), "w2", AFTER_THE_LEASE)
    with pytest.raises(LeaseLost, match="fencing number 1, now 2"):
        change(taken_over)


@pytest.mark.parametrize("end", [failed, published, lost, cancelled])
def test_the_holder_is_refused_once_the_job_is_out_of_his_hands(end: Callable[[Job], Job]) -> None:
    with pytest.raises(LeaseLost):
        job_steps.advanced(end(claim(queued_job())), JobState.TRAINING, 1, NOON)


def test_a_job_that_was_given_back_waits_for_the_next_worker() -> None:
    job = given_back(claim(queued_job()), 1)
    assert (job.state, job.lease) == (JobState.REQUEUED, None)
    assert claim(job, "w2").fencing == 2


def test_a_job_that_was_given_back_too_often_fails_with_the_reason() -> None:
    job = queued_job()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job = given_back(claim(job), attempt)
    assert job.failure is not None
    assert (job.state, job.failure.code) == (JobState.FAILED, "gave_up")
    assert job.failure.message == "the dataset did not come through"


def test_a_failed_job_says_why_and_is_held_by_nobody() -> None:
    job = failed(claim(queued_job()))
    assert job.failure is not None
    assert (job.failure.code, job.failure.message) == ("dataset_corrupt", "The dataset is corrupt.")
    assert job.lease is None


@pytest.mark.parametrize("end", [failed, published])
def test_publishing_an_ended_job_changes_nothing(end: Callable[[Job], Job]) -> None:
    job = end(claim(queued_job()))
    assert published(job) is job


def test_an_attempt_that_does_not_count_brings_the_job_no_nearer_to_its_end() -> None:
    job = queued_job()
    for attempt in range(1, 10 * MOST_ATTEMPTS):
        job = job_steps.given_back(
            claim(job), attempt, NOON, "the worker shut down", 0, MOST_ATTEMPTS, counts=False
        )
    assert (job.state, job.spent) == (JobState.REQUEUED, 0)


def test_a_job_that_has_to_wait_is_taken_when_the_time_has_come() -> None:
    job = claim(queued_job())
    waits = job_steps.given_back(job, 1, NOON, "no route", 30, MOST_ATTEMPTS, counts=True)
    with pytest.raises(JobNotReady) as early:
        claim(waits, now=NOON + timedelta(seconds=10))
    assert early.value.remaining_s == 20
    assert claim(waits, now=NOON + timedelta(seconds=30)).state is JobState.CLAIMED


@pytest.mark.parametrize("step", [None, JobState.DOWNLOADING, JobState.TRAINING])
def test_a_job_can_be_cancelled_until_its_model_is_on_its_way(step: JobState | None) -> None:
    job = claim(queued_job())
    job = cancelled(job_steps.advanced(job, step, 1, NOON) if step else job)
    assert (job.state, job.lease, job.history[-1].by) == (JobState.CANCELLED, None, "ada")


def test_the_holder_of_a_cancelled_job_hears_by_whom() -> None:
    job = cancelled(claim(queued_job()))
    with pytest.raises(JobCancelled, match="cancelled by ada"):
        job_steps.renewed(job, 1, NOON, LEASE_S)


def test_cancelling_twice_changes_nothing() -> None:
    job = cancelled(queued_job())
    assert cancelled(job) is job


@pytest.mark.parametrize(
    "late",
    [
        lambda: failed(claim(queued_job())),
        lambda: published(claim(queued_job())),
        lambda: job_steps.advanced(claim(queued_job()), JobState.UPLOADING, 1, NOON),
        lambda: accept(claim(queued_job())),
    ],
)
def test_a_job_that_is_trained_or_ended_cannot_be_cancelled(late: Callable[[], Job]) -> None:
    with pytest.raises(CancelRefused):
        cancelled(late())


def test_a_job_whose_model_counts_is_taken_by_nobody_and_changed_by_nobody() -> None:
    job = accept(claim(queued_job()))
    with pytest.raises(JobNotReady, match="being published"):
        claim(job, "w2", AFTER_THE_LEASE)
    with pytest.raises(LeaseLost):
        job_steps.advanced(job, JobState.TRAINING, 1, NOON)


def test_a_model_that_comes_after_its_lease_counts_until_the_job_is_given_away() -> None:
    late = lost(claim(queued_job()))
    assert accept(late, 1).accepted
    with pytest.raises(LeaseLost):
        accept(claim(late, "w2", AFTER_THE_LEASE), 1)


@pytest.mark.parametrize("end", [failed, cancelled])
def test_the_model_of_a_job_that_ended_otherwise_does_not_count(end: Callable[[Job], Job]) -> None:
    with pytest.raises(LeaseLost):
        accept(end(claim(queued_job())), 1)


def test_a_job_is_in_its_state_since_its_last_edge() -> None:
    assert claim(queued_job(), now=AFTER_THE_LEASE).since() == AFTER_THE_LEASE
    assert make_job().since() == NOON


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        ("b/mice-1/models/centroid_0badcafe/model.json@3f2a9c7e1d", "S3 notice model.json@3f2a9c7e"),
        ("9d9df347-0fb0-4f71-a81a-1d1a8208415a", "SQS message 9d9df347"),
        ("the lease ran out", "the lease ran out"),
    ],
)
def test_the_cause_of_an_edge_is_said_in_a_few_words(event: str, cause: str) -> None:
    assert job_steps.queued(make_job(), NOON, event).history[-1].cause == cause


def test_a_job_is_the_same_after_it_was_written_and_read() -> None:
    job = after_losing(queued_job(), MOST_ATTEMPTS)
    assert Job.model_validate_json(job.model_dump_json()) == job


def test_a_request_with_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="epochs"):
        JobRequest.model_validate({"epochs": 7})


class JobLife(RuleBasedStateMachine):
    """Workers that come, go, stall and return, on one job, with a clock of its own."""

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.job = queued_job()
        self.seen = self.job.history
        self.tokens: dict[str, set[int]] = {"w1": set(), "w2": set(), "w3": set()}

    def apply(self, change: Callable[[Job], Job]) -> None:
        before = self.job
        self.job = change(before)
        assert self.job.history[: len(before.history)] == before.history
        claims = [edge.fencing for edge in self.job.history if edge.state is JobState.CLAIMED]
        assert claims == sorted(set(claims))

    @rule(seconds=st.sampled_from([1, 30, 59, 60, 600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(worker=st.sampled_from(["w1", "w2", "w3"]))
    def claims(self, worker: str) -> None:
        newest = self.job.fencing
        try:
            self.apply(lambda job: claim(job, worker, self.now, event=f"message {len(job.history)}"))
        except JobClaimed:
            assert job_steps.lease_remaining_s(self.job, self.now) > 0
        except JobEnded:
            assert self.job.state in ENDED
        else:
            if not self.job.ended:
                assert self.job.fencing > newest
                self.tokens[worker].add(self.job.fencing)

    def try_as(self, worker: str, change: Callable[[Job, int], Job]) -> None:
        """Let a worker try with every number that it ever had: only the newest of a held job will do."""
        for token in sorted(self.tokens[worker]):
            allowed = self.job.state in HELD and token == self.job.fencing
            if allowed:
                self.apply(lambda job, token=token: change(job, token))  # type: ignore[misc]
            else:
                with pytest.raises(LeaseLost):
                    change(self.job, token)

    @rule(worker=st.sampled_from(["w1", "w2", "w3"]))
    def renews(self, worker: str) -> None:
        self.try_as(worker, lambda job, token: job_steps.renewed(job, token, self.now, LEASE_S))

    @rule(worker=st.sampled_from(["w1", "w2", "w3"]), step=st.sampled_from(STEPS))
    def advances(self, worker: str, step: JobState) -> None:
        self.try_as(worker, lambda job, token: job_steps.advanced(job, step, token, self.now))

    @rule(worker=st.sampled_from(["w1", "w2", "w3"]))
    def gives_back(self, worker: str) -> None:
        self.try_as(worker, given_back)

    @precondition(lambda self: self.job.state in HELD)
    @rule()
    def is_lost(self) -> None:
        if job_steps.lease_remaining_s(self.job, self.now) == 0:
            self.apply(lambda job: lost(job, self.now))

    @rule(worker=st.sampled_from(["w1", "w2", "w3"]))
    def shuts_down(self, worker: str) -> None:
        def drained(job: Job, token: int) -> Job:
            return job_steps.given_back(job, token, self.now, "shut down", 0, MOST_ATTEMPTS, counts=False)

        self.try_as(worker, drained)

    @precondition(lambda self: self.job.state in HELD)
    @rule(end=st.sampled_from([failed, published]))
    def ends(self, end: Callable[[Job], Job]) -> None:
        self.apply(end)

    @rule()
    def is_cancelled(self) -> None:
        if self.job.state in ENDED - {JobState.CANCELLED} or self.job.state is JobState.UPLOADING:
            with pytest.raises(CancelRefused):
                cancelled(self.job)
        else:
            self.apply(cancelled)

    @invariant()
    def attempts_that_count_are_bounded_and_each_claim_has_its_number(self) -> None:
        claims = [edge for edge in self.job.history if edge.state is JobState.CLAIMED]
        assert len(claims) == self.job.attempt == self.job.fencing
        assert self.job.spent <= MOST_ATTEMPTS

    @invariant()
    def only_a_held_job_has_a_lease(self) -> None:
        assert (self.job.lease is not None) == (self.job.state in HELD)

    @invariant()
    def it_ended_once_or_somebody_can_still_take_it(self) -> None:
        ends = [edge.state for edge in self.job.history if edge.state in ENDED]
        assert len(ends) == self.job.ended
        assert self.job.state in ENDED | HELD | WAITING

    @invariant()
    def only_a_failed_job_has_a_failure(self) -> None:
        assert (self.job.failure is not None) == (self.job.state is JobState.FAILED)


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=60, stateful_step_count=30)


FIRST, SECOND = ModelTurn(index=0, count=2), ModelTurn(index=1, count=2)
OTHER = JobModel(model_id="fedcba9876543210", model_type="centered_instance")


def test_a_job_of_two_models_is_done_with_the_second() -> None:
    job = job_steps.sent(claim(queued_job()), MODEL, FIRST, 1)
    assert (job.models, job.accepted) == ((MODEL,), False)
    job = accept(job_steps.advanced(job, JobState.TRAINING, 1, NOON), 1, OTHER, SECOND)
    assert (job.models, job.accepted) == ((MODEL, OTHER), True)


def test_a_model_that_counts_does_so_whoever_holds_the_job_next() -> None:
    job = job_steps.sent(claim(queued_job()), MODEL, FIRST, 1)
    later = claim(lost(job), "w2", AFTER_THE_LEASE)
    assert later.models == (MODEL,)
    assert accept(later, 1, MODEL, FIRST) is later
    assert accept(failed(later), 1, MODEL, FIRST).models == (MODEL,)


def test_saying_twice_that_a_model_was_sent_changes_nothing() -> None:
    job = job_steps.sent(claim(queued_job()), MODEL, FIRST, 1)
    assert job_steps.sent(job, MODEL, FIRST, 1) is job


def test_a_lost_holder_sends_no_model_that_counts() -> None:
    later = claim(lost(claim(queued_job())), "w2", AFTER_THE_LEASE)
    with pytest.raises(LeaseLost):
        job_steps.sent(later, MODEL, FIRST, 1)


@pytest.mark.parametrize("turn", [SECOND, ModelTurn(index=3, count=4)])
def test_a_model_out_of_its_turn_does_not_count(turn: ModelTurn) -> None:
    with pytest.raises(OutOfTurn):
        accept(claim(queued_job()), 1, MODEL, turn)


def test_another_model_does_not_take_the_place_of_one_that_counts() -> None:
    job = job_steps.sent(claim(queued_job()), MODEL, FIRST, 1)
    with pytest.raises(OutOfTurn):
        accept(job, 1, OTHER, FIRST)


def test_two_models_of_the_same_bytes_are_two() -> None:
    job = job_steps.sent(claim(queued_job()), MODEL, FIRST, 1)
    assert accept(job, 1, MODEL, SECOND).accepted


def test_the_record_of_an_older_version_names_the_one_model_that_it_made() -> None:
    assert make_job(state=JobState.PUBLISHED, model_id="0a", model_type="centroid").made == (
        JobModel(model_id="0a", model_type="centroid"),
    )
    assert make_job(state=JobState.UPLOADING, model_id="0a", model_type="centroid").made == ()


def test_a_job_is_of_the_model_that_counts_and_not_of_what_its_holder_left_besides() -> None:
    left = claim(queued_job()).model_copy(update={"model_id": "0abc1234", "model_type": "centroid"})
    job = accept(left)
    assert (job.model_id, job.model_type) == (MODEL.model_id, MODEL.model_type)
