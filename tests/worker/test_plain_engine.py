"""A sleap-nn that knows nothing of us: what it can be told, and what is said of the rest."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.plain_engine import install_plain_engine
from support.watched_training import WatchedTraining

from sleap_rtc.events.job_commands import Pause, Resume, Sample, SetLearningRate, Stop
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.package import TrainingPackage, unpack
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.training_commands import CommandRefused, TrainingCommand
from sleap_rtc.worker.training_events import (
    BatchEnded,
    EpochBegun,
    EpochEnded,
    Paused,
    Resumed,
    TrainingBegun,
    TrainingEnded,
    TrainingEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tiny(tmp_path: Path) -> TrainingPackage:
    make_example_package(tmp_path / "tiny.zip", frames=12, size=64)
    (tmp_path / "package").mkdir()
    return unpack(tmp_path / "tiny.zip", tmp_path / "package")[0]


@pytest.fixture
def training(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WatchedTraining]:
    install_plain_engine(tmp_path / "bin", monkeypatch)
    with WatchedTraining(SubprocessTrainer("sleap-nn"), tiny, {}) as watched:
        watched.next_batch()
        yield watched


def test_events_come_as_the_engine_says_them(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch, before="time.sleep(1)")  # until it is connected
    with WatchedTraining(SubprocessTrainer("sleap-nn"), tiny, {"trainer_config.max_epochs": "2"}) as watched:
        result = watched.result()
    begun, *events, ended = watched.events
    assert begun == TrainingBegun(frozenset({"pause", "resume", "stop"}))
    batches = [BatchEnded(0, batch, {"loss": 1 / (1 + batch)}) for batch in range(10)]
    assert events[:12] == [EpochBegun(0), *batches, EpochEnded(0, {"train/loss": 0.5})]
    assert len(events) == 24
    assert ended == TrainingEnded(stopped=False)
    assert (result.stopped, repr([row["epoch"] for row in result.epochs])) == (False, "[0, 1]")


def test_it_is_held_between_pause_and_resume(training: WatchedTraining) -> None:
    effect = training.tell(Pause())
    assert effect.text.startswith("paused after batch ")
    assert training.events[-1] == Paused()
    assert training.tell(Pause()).text.startswith("paused already after batch ")
    assert training.tell(Resume()).text.startswith("resumed after batch ")
    training.next_batch()
    assert Resumed() in training.events
    assert training.tell(Resume()).text.startswith("not paused: ")


def test_a_stop_is_obeyed_even_while_it_is_held(training: WatchedTraining) -> None:
    training.tell(Pause())
    assert training.tell(Stop()).text.endswith("; the model is published as partial")
    assert training.result().stopped
    assert training.events[-1] == TrainingEnded(stopped=True)


def test_the_end_of_the_job_ends_it_in_peace_while_it_is_held(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_act = 'lambda *_: (pathlib.Path("last act").touch(), os._exit(0))'
    before = f"import signal\nsignal.signal(signal.SIGTERM, {last_act})"
    install_plain_engine(tmp_path / "bin", monkeypatch, before)
    with WatchedTraining(SubprocessTrainer("sleap-nn"), tiny, {}) as training:
        training.since(0, BatchEnded)
        training.tell(Pause())
        training.stop.set()
        assert not training.result().stopped
    assert (tiny.folder / "last act").exists()


@pytest.mark.parametrize("command", [SetLearningRate(value=0.1), Sample()])
def test_what_it_cannot_do_is_refused_with_its_name_and_version(
    training: WatchedTraining, command: TrainingCommand
) -> None:
    with pytest.raises(
        CommandRefused, match=r"^sleap-nn 0\.3\.5 has no way to .* while it trains; it can be"
    ):
        training.tell(command)


def test_a_listener_that_fails_ends_nothing(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch)

    def fails(event: TrainingEvent) -> None:
        raise RuntimeError(event)

    result = SubprocessTrainer("sleap-nn").train(
        tiny, {"trainer_config.max_epochs": "30"}, lambda _: None, threading.Event(), on_event=fails
    )
    assert len(result.epochs) > 1
    assert "whoever listens to the training failed" in caplog.text


def test_commands_to_a_training_that_ended_are_refused(training: WatchedTraining) -> None:
    training.tell(Stop())
    training.result()
    with pytest.raises(CommandRefused, match="The training has ended"):
        training.tell(Pause())
