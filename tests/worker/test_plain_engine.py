"""A sleap-nn that knows nothing of us: what it can be told, and what is said of the rest."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.plain_engine import install_plain_engine

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.worker.package import TrainingPackage, unpack
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.training_commands import (
    Command,
    CommandRefused,
    Effect,
    Pause,
    Resume,
    Sample,
    SetLearningRate,
    Stop,
    TrainingCommands,
)
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
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from sleap_rtc.worker.trainer import TrainingResult

PATIENCE_S = 60


class Watched:
    """A training that goes on in a thread while a test watches it."""

    def __init__(self, package: TrainingPackage, name: str, overrides: dict[str, str]) -> None:
        self.commands = TrainingCommands()
        self.stop = StopSignal()
        self.events: list[TrainingEvent] = []
        self._came = threading.Condition()
        self._pool = ThreadPoolExecutor(1)
        self._ids = iter(range(1000))
        trainer = SubprocessTrainer(name)  # type: ignore[arg-type]
        self.result: Future[TrainingResult] = self._pool.submit(
            lambda: trainer.train(
                package,
                overrides,
                lambda _: None,
                self.stop,
                on_event=self._on_event,
                commands=self.commands,
            )
        )

    def _on_event(self, event: TrainingEvent) -> None:
        with self._came:
            self.events.append(event)
            self._came.notify_all()

    def until(self, holds: Callable[[TrainingEvent], bool]) -> None:
        """Wait for a new event of which something holds."""
        with self._came:
            seen = len(self.events)
            assert self._came.wait_for(lambda: any(map(holds, self.events[seen:])), PATIENCE_S)

    def tell(self, command: Command) -> Effect:
        """Have a command done."""
        return self.commands.ask(command, str(next(self._ids))).result(PATIENCE_S)

    def close(self) -> None:
        self.stop.set()
        self._pool.shutdown()


@pytest.fixture
def tiny(tmp_path: Path) -> TrainingPackage:
    make_example_package(tmp_path / "tiny.zip", frames=12, size=64)
    (tmp_path / "package").mkdir()
    return unpack(tmp_path / "tiny.zip", tmp_path / "package")


@pytest.fixture
def training(tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    install_plain_engine(tmp_path / "bin", monkeypatch)
    watched = Watched(tiny, "sleap-nn", {})
    watched.until(lambda event: isinstance(event, BatchEnded))
    yield watched
    watched.close()


def test_events_come_as_the_engine_says_them(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch, before="time.sleep(1)")  # until it is connected
    watched = Watched(tiny, "sleap-nn", {"trainer_config.max_epochs": "2"})
    result = watched.result.result(PATIENCE_S)
    watched.close()
    begun, *events, ended = watched.events
    assert begun == TrainingBegun(frozenset({"pause", "resume", "stop"}))
    batches = [BatchEnded(0, batch, {"loss": 1 / (1 + batch)}) for batch in range(10)]
    assert events[:12] == [EpochBegun(0), *batches, EpochEnded(0, {"train/loss": 0.5})]
    assert len(events) == 24
    assert ended == TrainingEnded(stopped=False)
    assert (result.stopped, len(result.epochs)) == (False, 2)


def test_it_is_held_between_pause_and_resume(training: Watched) -> None:
    effect = training.tell(Pause())
    assert effect.text.startswith("paused after batch ")
    assert Paused() in training.events
    assert training.tell(Pause()).text.startswith("paused already after batch ")
    assert training.tell(Resume()).text.startswith("resumed after batch ")
    training.until(lambda event: isinstance(event, BatchEnded))
    assert Resumed() in training.events
    assert training.tell(Resume()).text.startswith("not paused: ")


def test_a_stop_is_obeyed_even_while_it_is_held(training: Watched) -> None:
    training.tell(Pause())
    assert training.tell(Stop()).text.endswith("; the model is published as partial")
    result = training.result.result(PATIENCE_S)
    assert result.stopped
    assert training.events[-1] == TrainingEnded(stopped=True)


def test_the_end_of_the_job_ends_it_while_it_is_held(training: Watched) -> None:
    training.tell(Pause())
    training.stop.set()
    assert not training.result.result(PATIENCE_S).stopped


@pytest.mark.parametrize("command", [SetLearningRate(0.1), Sample()])
def test_what_it_cannot_do_is_refused_with_its_name_and_version(training: Watched, command: Command) -> None:
    with pytest.raises(CommandRefused, match=r"^sleap-nn 0\.3\.5 has no way to .* while it trains; "):
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


def test_commands_to_a_training_that_ended_are_refused(training: Watched) -> None:
    training.tell(Stop())
    training.result.result(PATIENCE_S)
    with pytest.raises(CommandRefused, match="The training has ended"):
        training.tell(Pause())
