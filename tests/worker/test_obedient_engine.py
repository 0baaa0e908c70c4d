"""Commands over a channel that loses what is said first: said until they are answered, settled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sleap_rtc.events.job_commands import Pause, Sample, SetLearningRate
from sleap_rtc.worker.engine_messages import Answer, answer_of
from sleap_rtc.worker.obedient_engine import REPEAT_EVERY_S, ObedientEngine
from sleap_rtc.worker.training_commands import CommandRefused, Effect, TrainingCommands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Line:
    def __init__(self) -> None:
        self.said: list[Mapping[str, Any]] = []

    def say(self, message: Mapping[str, Any]) -> None:
        self.said.append(message)


class Talk:
    """An engine that can pause and change the rate, and what is said to it."""

    def __init__(self) -> None:
        self.box = TrainingCommands()
        self.line = Line()

        def settle(asked: Any, outcome: Effect | CommandRefused) -> None:
            if isinstance(outcome, Effect):
                self.box.done(asked, outcome)
            else:
                self.box.refuse(asked, outcome)

        self.engine = ObedientEngine(
            self.line, frozenset({"pause", "set_learning_rate"}), "sleap-nn 0.3.5", settle
        )

    def turn(self, now: float) -> None:
        for asked in self.box.take():
            self.engine.act(asked)
        self.engine.turn(now, quiet=True)


def test_a_command_is_said_until_it_is_answered() -> None:
    talk = Talk()
    outcome = talk.box.ask(SetLearningRate(value=0.5), "a")
    for now in (0, REPEAT_EVERY_S / 2, REPEAT_EVERY_S, 2 * REPEAT_EVERY_S):
        talk.turn(now)
    assert talk.line.said == [{"command": "set_lr", "id": "a", "value": 0.5}] * 3
    talk.engine.answered(Answer("a", Effect("learning rate 1 -> 0.5")))
    talk.engine.answered(Answer("a", Effect("and again")))
    talk.turn(9)
    assert len(talk.line.said) == 3
    assert outcome.result(0).text == "learning rate 1 -> 0.5"


def test_answers_find_their_commands_in_any_order() -> None:
    talk = Talk()
    first, second = talk.box.ask(Pause(), "a"), talk.box.ask(Pause(), "b")
    talk.turn(0)
    talk.engine.answered(Answer("nobody's", Effect("what?")))
    talk.engine.answered(Answer("b", Effect("paused already")))
    talk.engine.answered(Answer("a", CommandRefused(why="no")))
    assert second.result(0).text == "paused already"
    with pytest.raises(CommandRefused, match="no"):
        first.result(0)


def test_what_it_did_not_say_that_it_can_do_is_refused_at_once() -> None:
    talk = Talk()
    outcome = talk.box.ask(Sample(), "a")
    talk.turn(0)
    with pytest.raises(CommandRefused, match=r"sleap-nn 0\.3\.5 does not know how to sample"):
        outcome.result(0)
    assert talk.line.said == []


def test_only_files_below_its_folder_are_taken_from_an_engine(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.txt").touch()
    (tmp_path / "run" / "link.png").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "run" / "a.png").touch()
    files = ["a.png", "gone.png", "../secret.txt", str(tmp_path / "secret.txt"), "link.png"]
    answer = answer_of({"event": "command_done", "id": "a", "files": files}, tmp_path / "run")
    assert answer is not None
    assert isinstance(answer.outcome, Effect)
    assert answer.outcome.files == (tmp_path / "run" / "a.png",)


@pytest.mark.parametrize(
    "message",
    [{}, {"event": "command_done"}, {"event": "command_done", "id": 7}, {"event": "epoch_end", "id": "a"}],
)
def test_what_is_no_answer_is_none(tmp_path: Path, message: dict[str, Any]) -> None:
    assert answer_of(message, tmp_path) is None
