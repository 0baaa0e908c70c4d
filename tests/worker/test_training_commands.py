"""The mailbox of a training: every command has one outcome, whatever happens to the training."""

from __future__ import annotations

import threading

import pytest

from sleap_rtc.events.job_commands import Pause, Resume, Stop
from sleap_rtc.worker.training_commands import CommandRefused, Effect, TrainingCommands, TrainingOver


def test_a_command_that_is_asked_again_has_the_same_outcome_and_is_taken_once() -> None:
    box = TrainingCommands()
    first, again = box.ask(Pause(), "a"), box.ask(Pause(), "a")
    (asked,) = box.take()
    box.done(asked, Effect("paused after batch 1 of epoch 1"))
    box.done(asked, Effect("paused a second time"))
    box.refuse(asked, CommandRefused(why="no"))
    assert first.result(0).text == again.result(0).text == "paused after batch 1 of epoch 1"
    assert box.ask(Pause(), "a").result(0) == first.result(0)
    assert box.take() == []


def test_commands_are_taken_in_the_order_in_which_they_were_asked() -> None:
    box = TrainingCommands()
    for command_id in "cab":
        box.ask(Stop(), command_id)
    assert [asked.command_id for asked in box.take()] == ["c", "a", "b"]


def test_what_is_open_when_the_training_ends_is_refused_and_so_is_what_comes_later() -> None:
    box = TrainingCommands()
    taken, waiting, settled = box.ask(Pause(), "a"), box.ask(Resume(), "b"), box.ask(Stop(), "c")
    box.done(box.take()[2], Effect("stopped"))
    box.close()
    box.close()
    for outcome in (taken, waiting, box.ask(Pause(), "d")):
        with pytest.raises(TrainingOver, match="The training has ended"):
            outcome.result(0)
    assert settled.result(0).text == "stopped"
    assert box.take() == []


def test_an_outcome_cannot_be_cancelled_by_whoever_waits_for_it() -> None:
    box = TrainingCommands()
    assert box.ask(Pause(), "a").cancel() is False


def test_whoever_hears_an_outcome_may_ask_for_the_next_thing_at_once() -> None:
    box = TrainingCommands()
    box.ask(Pause(), "a").add_done_callback(lambda _: box.ask(Resume(), "b"))
    box.done(box.take()[0], Effect("paused"))
    assert [asked.command_id for asked in box.take()] == ["b"]


def test_many_threads_that_ask_the_same_have_it_done_once() -> None:
    box = TrainingCommands()
    outcomes = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        outcomes.append(box.ask(Pause(), "a"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, outcomes))) == 1
    assert len(box.take()) == 1
