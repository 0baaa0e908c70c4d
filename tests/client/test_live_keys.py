"""Keys: what each does, what is asked first, and why one has no effect now."""

from __future__ import annotations

import pytest
from client.live_vocabulary import BEGUN, Story, view
from support.jobs import claim, queued_job

from sleap_rtc.client.live_items import JobSeen, Over
from sleap_rtc.client.live_keys import BACKSPACE, ENTER, ESCAPE, KEYS, Give, Keyboard, Leave, Say, why_not
from sleap_rtc.events.job_commands import CancelTransfer, Pause, Resume, Sample, SetLearningRate, Stop
from sleap_rtc.events.job_progress import TransferMoved

ABLE = BEGUN.model_copy(update={"abilities": tuple(key.command for key in KEYS if key.command)})
MOVING = TransferMoved(direction="download", name="d", done_bytes=1, total_bytes=2)


@pytest.fixture
def story() -> Story:
    """Return a training that can be told everything, and a transfer under way."""
    story = Story()
    story.model.take(JobSeen(view(claim(queued_job()))))
    story.tell(ABLE)
    story.tell(MOVING)
    return story


def press(story: Story, keys: list[str], keyboard: Keyboard | None = None) -> list[object]:
    keyboard = keyboard or Keyboard()
    return [action for key in keys if (action := keyboard.press(key, story.model)) is not None]


@pytest.mark.parametrize(
    ("key", "command"), [("p", Pause()), ("r", Resume()), ("v", Sample()), ("P", Pause())]
)
def test_some_keys_have_their_effect_at_once(story: Story, key: str, command: object) -> None:
    assert press(story, [key]) == [Give(command)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("key", "command"), [("s", Stop()), ("x", CancelTransfer())])
def test_what_cannot_be_undone_is_asked_first(story: Story, key: str, command: object) -> None:
    keyboard = Keyboard()
    assert press(story, [key], keyboard) == []
    assert keyboard.prompt.endswith("y/n")
    assert press(story, ["y"], keyboard) == [Give(command)]  # type: ignore[arg-type]
    assert not keyboard.prompt
    for no in ("n", ENTER, ESCAPE, key, "q"):
        assert press(story, [key, no]) == [Say("Nothing was done.")]


def test_a_learning_rate_is_typed_and_mended(story: Story) -> None:
    keyboard = Keyboard()
    assert press(story, ["l", *"1e-35", BACKSPACE, "y", "q"], keyboard) == []
    assert "1e-3▏" in keyboard.prompt
    assert press(story, [ENTER], keyboard) == [Give(SetLearningRate(value=1e-3))]


@pytest.mark.parametrize("typed", ["", "-1", "0", "1e", "..", "1e9", "-" * 90])
def test_what_is_no_learning_rate_is_not_given(story: Story, typed: str) -> None:
    (action,) = press(story, ["l", *typed, ENTER])
    assert isinstance(action, Say)
    assert "such as 1e-4" in action.text


def test_a_learning_rate_need_not_be_given(story: Story) -> None:
    assert press(story, ["l", "1", ESCAPE, "q"]) == [Say("Nothing was done."), Leave()]


def test_what_is_no_key_does_nothing(story: Story) -> None:
    assert press(story, ["z", "", "ä", ENTER, ESCAPE, "5"]) == []


def test_what_the_trainer_cannot_do_is_said_and_not_given(story: Story) -> None:
    story.tell(BEGUN)
    (action,) = press(story, ["l"])
    assert action == Say("learning rate: the trainer (sleap-nn) cannot do that (docs/training.md).")
    assert press(story, ["q"]) == [Leave()]


def test_before_the_training_only_a_hold_and_the_transfer_can_be_told() -> None:
    story = Story()
    story.model.take(JobSeen(view(claim(queued_job()))))
    able = {key.command for key in KEYS if key.command and not why_not(key.command, story.model)}
    assert able == {"pause", "resume"}
    story.tell(MOVING)
    able = {key.command for key in KEYS if key.command and not why_not(key.command, story.model)}
    assert able == {"pause", "resume", "transfer_status", "cancel_transfer"}


def test_where_nobody_is_at_the_job_every_key_says_so(story: Story) -> None:
    story.model.take(JobSeen(view(queued_job())))
    assert press(story, ["p"]) == [Say("pause: no worker is at the job.")]
    story.model.take(Over(view(queued_job())))
    assert press(story, ["p"]) == [Say("pause: the job has ended.")]
