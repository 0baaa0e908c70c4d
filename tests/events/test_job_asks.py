"""What is asked of a job through its record: each command is answered once, whoever says what how often."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import LEASE_S, MOST_ATTEMPTS, NOON, accept, claim, queued_job
from ulid import ULID

from sleap_rtc.events import job_asks, job_steps
from sleap_rtc.events.job_asks import LAST_WORDS, MOST_ASKED, WATCHED_FOR, Attention, CommandRefused
from sleap_rtc.events.job_commands import CommandAnswer, Pause, Resume, SetLearningRate
from sleap_rtc.events.jobs import Job, JobState
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

DONE = CommandAnswer(outcome="done", text="paused after batch 12")
OTHERWISE = CommandAnswer(outcome="done", text="something else")
SOON = NOON + timedelta(seconds=1)
MUCH_LATER = NOON + timedelta(hours=1)
IDS = [str(ULID.from_timestamp(index)) for index in range(1, 41)]


def asked(job: Job, command_id: str = IDS[0], now: datetime = NOON) -> Job:
    return job_asks.asked(job, command_id, Pause(), "Ada", now)


def answered(job: Job, command_id: str = IDS[0], run: int = 1, answer: CommandAnswer = DONE) -> Job:
    return job_asks.answered(job, run, command_id, answer, SOON)


def answer(job: Job, command_id: str = IDS[0], now: datetime = SOON) -> CommandAnswer | None:
    return job_asks.answer_of(job_asks.command_of(job, command_id), job, now)


def cancelled(job: Job) -> Job:
    return job_steps.cancelled(job, NOON, "Ada")


def failed(job: Job) -> Job:
    return job_steps.failed(job, NOON, "w1", "training_failed", "It stopped.")


def given_back(job: Job) -> Job:
    return job_steps.given_back(job, 1, NOON, "away", 0, MOST_ATTEMPTS, counts=True)


def test_a_command_waits_in_the_record_until_it_is_answered() -> None:
    job = asked(claim(queued_job()))
    (waits,) = job_asks.open_commands(job, 1)
    assert (waits.command, waits.by, waits.at, answer(job)) == (Pause(), "Ada", NOON, None)
    job = answered(job)
    assert (answer(job), job_asks.open_commands(job, 1)) == (DONE, ())


def test_a_command_is_no_step_of_the_job() -> None:
    job = claim(queued_job())
    after = answered(asked(job))
    assert (after.history, after.state, after.lease) == (job.history, job.state, job.lease)


def test_the_same_command_again_is_the_same_entry() -> None:
    job = answered(asked(claim(queued_job())))
    assert asked(job, now=SOON) is job


def test_the_same_command_again_is_the_same_entry_though_the_job_has_ended() -> None:
    job = failed(asked(claim(queued_job())))
    assert asked(job) is job


def accepted(job: Job) -> Job:
    return accept(job_steps.advanced(job, JobState.UPLOADING, 1, NOON))


def published(job: Job) -> Job:
    return job_steps.published(accepted(job), NOON, "notice")


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (cancelled, "it is cancelled"),
        (failed, "it is failed"),
        (published, "it is published"),
        (accepted, "its model is on its way"),
        (given_back, "no worker is at it. Give the command again when one is; `sleap-rtc jobs cancel 01J"),
    ],
)
def test_a_command_that_nobody_would_obey_is_refused(end: Callable[[Job], Job], why: str) -> None:
    with pytest.raises(CommandRefused) as refused:
        asked(end(claim(queued_job())))
    assert why in str(refused.value)


def test_a_command_for_a_job_that_waits_is_refused() -> None:
    with pytest.raises(CommandRefused, match="no worker is at it"):
        asked(queued_job())


def test_a_command_for_a_worker_that_fell_silent_is_refused() -> None:
    with pytest.raises(CommandRefused, match="fallen silent"):
        asked(claim(queued_job()), now=NOON + timedelta(seconds=LEASE_S))


def test_the_oldest_answered_commands_drop_out() -> None:
    job = claim(queued_job())
    for command_id in IDS[:MOST_ASKED]:
        job = asked(job, command_id)
    job = asked(answered(answered(job, IDS[5]), IDS[3]), IDS[32])
    assert [each.command_id for each in job.asked] == [*IDS[:3], *IDS[4:33]]
    with pytest.raises(NotFound, match=IDS[3]):
        answer(job, IDS[3])


def test_the_thirty_third_that_would_wait_is_refused() -> None:
    job = claim(queued_job())
    for command_id in IDS[:MOST_ASKED]:
        job = asked(job, command_id)
    with pytest.raises(CommandRefused, match=r"32 commands wait .* wait until it has answered one"):
        asked(job, IDS[32])
    assert asked(job, IDS[7]) is job


@pytest.mark.parametrize("end", [cancelled, failed, given_back])
def test_a_command_whose_run_ended_is_refused_in_the_end(end: Callable[[Job], Job]) -> None:
    job = end(asked(claim(queued_job())))
    assert answer(job, now=NOON + LAST_WORDS / 2) is None
    refused = answer(job, now=NOON + LAST_WORDS)
    assert refused is not None
    assert refused.outcome == "refused"
    assert f"the job is {job.state} now" in refused.text


def test_a_worker_may_say_what_a_command_did_just_after_its_run_ended() -> None:
    job = answered(failed(asked(claim(queued_job()))))
    assert answer(job, now=MUCH_LATER) == DONE


def test_an_answer_that_comes_after_the_refusal_changes_nothing() -> None:
    job = failed(asked(claim(queued_job())))
    assert job_asks.answered(job, 1, IDS[0], DONE, NOON + LAST_WORDS) is job


def test_the_next_run_neither_sees_nor_answers_what_was_meant_for_the_last() -> None:
    job = claim(given_back(asked(claim(queued_job()))), "w2")
    assert job_asks.open_commands(job, job.fencing) == ()
    assert answered(job, run=2) is job
    refused = answer(job, now=MUCH_LATER)
    assert refused is not None
    assert refused.outcome == "refused"


def test_a_command_that_this_version_does_not_know_costs_the_job_nothing() -> None:
    job = asked(asked(claim(queued_job())), IDS[1])
    text = job.model_dump_json().replace('"name":"pause"', '"name":"levitate"', 1)
    assert [each.command_id for each in Job.model_validate_json(text).asked] == [IDS[1]]


steps = st.lists(
    st.tuples(
        st.sampled_from(["asked", "done", "otherwise", "back", "claimed", "late"]), st.sampled_from(IDS[:4])
    ),
    max_size=40,
)


@given(steps)
def test_whatever_comes_in_whatever_order_each_command_is_answered_once(walk: list[tuple[str, str]]) -> None:
    job, now = job_steps.claimed(queued_job(), "w", NOON, 10_000, "message", 1000), NOON
    first: dict[str, CommandAnswer] = {}
    for what, command_id in walk:
        now += timedelta(seconds=1)
        match what:
            case "asked" if job.state is JobState.CLAIMED:
                job = job_asks.asked(job, command_id, Resume(), "Ada", now)
            case "done":
                job = job_asks.answered(job, job.fencing, command_id, DONE, now)
            case "otherwise":
                job = job_asks.answered(job, job.fencing, command_id, OTHERWISE, now)
            case "back" if job.state is JobState.CLAIMED:
                job = job_steps.given_back(job, job.fencing, now, "away", 0, 1000, counts=False)
            case "claimed" if job.state is JobState.REQUEUED:
                job = job_steps.claimed(job, "w", now, 10_000, str(now), 1000)
            case "late":
                now += LAST_WORDS
        ids = [each.command_id for each in job.asked]
        assert len(ids) == len(set(ids))
        for each in job.asked:
            given_now = job_asks.answer_of(each, job, now)
            if given_now is not None:
                first.setdefault(each.command_id, given_now)
                assert given_now.outcome == first[each.command_id].outcome
        assert first.keys() <= set(ids)


def test_a_record_says_for_two_minutes_that_it_is_watched() -> None:
    job = job_asks.watched(queued_job(), NOON)
    assert job_asks.is_watched(job, NOON + WATCHED_FOR - timedelta(seconds=1))
    assert not job_asks.is_watched(job, NOON + WATCHED_FOR)
    assert job.history == queued_job().history


def test_however_many_watch_the_record_is_written_once_a_minute() -> None:
    job, writes = queued_job(), 0
    for second in range(600):
        after = job_asks.watched(job, NOON + timedelta(seconds=second))
        writes, job = writes + (after is not job), after
    assert writes == 10


def test_a_job_that_has_ended_is_not_watched() -> None:
    job = failed(claim(queued_job()))
    assert job_asks.watched(job, NOON) is job


def test_last_words_are_waited_for_where_somebody_was_listening() -> None:
    unheard = failed(claim(queued_job()))
    heard = failed(claim(job_asks.watched(queued_job(), NOON)))
    assert not job_asks.awaits_last_words(unheard, SOON)
    assert job_asks.awaits_last_words(heard, SOON)
    assert not job_asks.awaits_last_words(heard, NOON + LAST_WORDS)


@pytest.mark.parametrize("wrong_by", [timedelta(hours=-3), timedelta(), timedelta(hours=3)])
def test_a_renewal_counts_from_when_it_is_seen_whatever_the_workers_clock_says(wrong_by: timedelta) -> None:
    attention = Attention()
    attention.looked(None, NOON + wrong_by, 100.0)
    assert not attention.lasts(100.0)
    attention.looked(NOON + WATCHED_FOR, NOON + wrong_by, 105.0)
    attention.looked(NOON + WATCHED_FOR, NOON + wrong_by, 200.0)
    assert attention.lasts(224.0)
    assert not attention.lasts(225.0)


def test_what_the_record_says_at_first_is_held_against_the_clock() -> None:
    stale, fresh = Attention(), Attention()
    stale.looked(NOON, SOON, 100.0)
    fresh.looked(NOON + WATCHED_FOR, SOON, 100.0)
    assert not stale.lasts(100.0)
    assert fresh.lasts(218.0)
    assert not fresh.lasts(219.0)


def test_a_job_is_looked_at_often_while_it_is_watched_or_commanded() -> None:
    job = claim(queued_job())
    assert not job_asks.is_attended(job, NOON)
    assert job_asks.is_attended(job_asks.watched(job, NOON), NOON)
    assert job_asks.is_attended(asked(job), NOON)
    assert not job_asks.is_attended(answered(asked(job)), NOON)


def test_the_command_is_kept_with_what_it_says() -> None:
    command = SetLearningRate(value=0.003)
    job = job_asks.asked(claim(queued_job()), IDS[0], command, "Ada" * 100, NOON)
    again = Job.model_validate_json(job.model_dump_json())
    assert again.asked[0].command == command
    assert len(again.asked[0].by) == 256
