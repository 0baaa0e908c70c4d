"""The state of the live view is what was told, put together, whatever was told."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from client.live_vocabulary import BEGUN, Story, view
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import NOON, claim, queued_job

from sleap_rtc.client.live_items import EventsMissed, JobSeen, Link, LinkState, LogRead, Over, ServiceAway
from sleap_rtc.client.live_model import MOST_LINES
from sleap_rtc.events import job_steps
from sleap_rtc.events.job_progress import (
    BatchEnded,
    EpochEnded,
    LineLogged,
    StepTaken,
    TrainingBegun,
    TransferMoved,
)

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import JobEvent


@pytest.fixture
def story() -> Story:
    return Story()


def test_epochs_become_a_curve_that_counts_from_1(story: Story) -> None:
    story.epoch(0, train_loss=2.0, val_loss=3.0)
    story.epoch(1, train_loss=1.0, val_loss=2.5)
    curve = story.model.curve
    assert curve is not None
    assert (curve.epochs, curve.train, curve.val) == ((1, 2), (2.0, 1.0), (3.0, 2.5))
    assert curve.best() == (2, 2.5)


def test_before_the_first_epoch_there_is_no_curve(story: Story) -> None:
    story.tell(BEGUN)
    assert story.model.curve is None


def test_an_epoch_that_is_told_again_is_one_epoch(story: Story) -> None:
    story.epoch(0, val_loss=3.0)
    story.epoch(0, val_loss=2.0)
    curve = story.model.curve
    assert curve is not None
    assert curve.val == (2.0,)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_a_gap_and_is_said(story: Story, number: float) -> None:
    story.epoch(0, train_loss=2.0)
    states = [story.model.broken]
    story.epoch(1, train_loss=number)
    states.append(story.model.broken)
    curve = story.model.curve
    assert curve is not None
    assert curve.train == (2.0, None)
    story.tell(BatchEnded(epoch=2, batch=0, logs={"loss": 1.0}))
    assert [*states, story.model.broken] == [False, True, False]


def test_thousands_of_epochs_are_kept(story: Story) -> None:
    for number in range(5000):
        story.epoch(number, train_loss=1 / (number + 1))
    curve = story.model.curve
    assert curve is not None
    assert len(curve.epochs) == 5000


def test_thousands_of_lines_are_not(story: Story) -> None:
    for number in range(5000):
        story.tell(LineLogged(text=f"line {number}"))
    assert list(story.model.lines) == [f"line {number}" for number in range(5000 - MOST_LINES, 5000)]


def test_a_batch_of_an_epoch_that_is_over_is_not_shown_any_more(story: Story) -> None:
    story.tell(BatchEnded(epoch=0, batch=3))
    story.epoch(0)
    assert story.model.run.batch is None
    story.tell(BatchEnded(epoch=0, batch=2))
    assert story.model.run.batch is None
    story.tell(BatchEnded(epoch=1, batch=0))
    assert story.model.run.batch is not None


def test_the_time_left_is_that_of_the_epochs_before_and_a_pause_is_not_one_of_them(story: Story) -> None:
    assert story.model.epoch_left_s is None
    story.tell(BEGUN)
    story.epoch(0)
    assert story.model.epoch_left_s is None
    for number, span_s in ((1, 10.0), (2, 3600.0), (3, 12.0)):
        story.epoch(number, after_s=span_s)
    assert story.model.epoch_left_s == 6 * 12.0


def test_a_pause_lasts_until_it_is_resumed_and_a_refused_one_is_none(story: Story) -> None:
    paused = []
    for name, outcome in (("pause", "refused"), ("pause", "done"), ("sample", "done"), ("resume", "done")):
        story.answer(name, outcome)
        paused.append(story.model.run.paused)
    assert paused == [False, True, True, False]
    assert [each.name for each in story.model.answers] == ["pause", "pause", "sample", "resume"]


def test_another_run_begins_afresh_but_for_the_log_and_the_answers(story: Story) -> None:
    story.tell(BEGUN)
    story.tell(LineLogged(text="from the first"))
    story.answer("pause")
    story.epoch(0, val_loss=1.0)
    story.tell(TransferMoved(direction="download", name="d", done_bytes=1, total_bytes=2))
    story.run, story.seq = 2, 0
    story.tell(StepTaken(state="downloading"))
    run = story.model.run
    assert (run.number, run.begun, run.paused, run.transfers, run.epoch) == (2, None, False, {}, None)
    assert list(story.model.lines) == ["from the first"]
    assert len(story.model.answers) == 1


@pytest.mark.parametrize(("goes_on_with", "epochs"), [(3, (1, 2, 3, 4)), (0, (1,))])
def test_a_run_that_goes_on_from_a_checkpoint_continues_the_curve(
    story: Story, goes_on_with: int, epochs: tuple[int, ...]
) -> None:
    for number in range(5):
        story.epoch(number, val_loss=1.0)
    story.run, story.seq = 2, 0
    story.tell(BEGUN)
    story.epoch(goes_on_with, val_loss=2.0)
    curve = story.model.curve
    assert curve is not None
    assert (curve.epochs, curve.val[-1]) == (epochs, 2.0)


def test_steps_are_those_of_the_record_and_those_that_it_does_not_know_yet(story: Story) -> None:
    held = claim(queued_job())
    story.run = held.fencing
    story.model.take(JobSeen(view(held)))
    story.tell(StepTaken(state="claimed"))
    story.tell(StepTaken(state="downloading"))
    assert [step.state for step in story.model.steps] == [
        "uploaded",
        "queued",
        "claimed",
        "downloading",
    ]
    assert story.model.worker == "w1"
    lost = job_steps.lost(held, NOON + timedelta(hours=1), "message", 3)
    again = claim(lost, "w2", NOON + timedelta(hours=2), "other")
    story.model.take(JobSeen(view(again)))
    assert [step.state for step in story.model.steps][-3:] == ["lost", "requeued", "claimed"]
    assert story.model.worker == "w2"


def test_a_job_that_ended_before_anybody_looked_has_its_record_and_its_log(story: Story) -> None:
    ended = job_steps.failed(claim(queued_job()), NOON, "w1", "training_failed", "no GPU")
    story.model.take(LinkState(Link.DONE))
    story.model.take(LogRead("first\nsecond\n"))
    story.model.take(Over(view(ended)))
    assert story.model.over
    assert story.model.worker == "w1"
    assert list(story.model.lines) == ["first", "second"]


def test_what_is_missing_and_who_is_away_is_known(story: Story) -> None:
    story.model.take(EventsMissed(1))
    story.model.take(ServiceAway("The service is away."))
    assert (story.model.run.missed, story.model.away) == (True, "The service is away.")
    story.model.take(ServiceAway(""))
    assert not story.model.away


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
ANYTHING: st.SearchStrategy[JobEvent] = st.one_of(
    st.builds(
        EpochEnded,
        epoch=st.integers(-5, 10**6),
        logs=st.dictionaries(st.sampled_from(["train/loss", "val/loss", "lr"]), NUMBERS, max_size=3),
    ),
    st.builds(BatchEnded, epoch=st.integers(-5, 100), batch=st.integers(-5, 10**9), logs=st.just({})),
    st.builds(TrainingBegun, trainer=st.text(max_size=5), epochs=st.none() | st.integers(-3, 10**6)),
    st.builds(StepTaken, state=st.text(max_size=9)),
    st.builds(LineLogged, text=st.text(max_size=20)),
)


@given(st.lists(ANYTHING, max_size=30))
def test_whatever_a_worker_tells_there_is_a_state_of_it(events: list[JobEvent]) -> None:
    story = Story()
    for event in events:
        story.tell(event)
    assert story.model.epoch_left_s is None or story.model.epoch_left_s >= 0
    assert story.model.curve is None or len(story.model.curve.epochs) <= len(events)


def test_the_next_model_of_a_job_has_a_curve_of_its_own(story: Story) -> None:
    story.tell(BEGUN)
    for number in range(3):
        story.epoch(number, train_loss=1.0)
    story.tell(BEGUN)
    assert (story.model.curve, story.model.run.epoch, story.model.epoch_left_s) == (None, None, None)
    story.epoch(0, train_loss=7.0)
    curve = story.model.curve
    assert curve is not None
    assert (curve.epochs, curve.train) == ((1,), (7.0,))
