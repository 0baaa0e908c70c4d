"""A training that goes on in a thread while a test watches it and tells it what to do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.worker.training_commands import TrainingCommands
from sleap_rtc.worker.training_events import BatchEnded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.trainer import Trainer, TrainingResult
    from sleap_rtc.worker.training_commands import Effect, TrainingCommand
    from sleap_rtc.worker.training_events import TrainingEvent

PATIENCE_S = 240
T = TypeVar("T", bound="TrainingEvent")


class WatchedTraining:
    """One training; it is ended with the block."""

    def __init__(self, trainer: Trainer, package: TrainingPackage, overrides: Mapping[str, str]) -> None:
        self.commands = TrainingCommands()
        self.stop = StopSignal()
        self.events: list[TrainingEvent] = []
        self.lines: list[str] = []
        self._came = threading.Condition()
        self._pool = ThreadPoolExecutor(1)
        self._asked = 0
        self.running: Future[TrainingResult] = self._pool.submit(
            lambda: trainer.train(
                package,
                overrides,
                self.lines.append,
                self.stop,
                on_event=self._on_event,
                commands=self.commands,
            )
        )
        self.running.add_done_callback(lambda _: self._wake())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._pool.shutdown()

    def tell(self, command: TrainingCommand, command_id: str = "") -> Effect:
        """Have a command done."""
        self._asked += 1
        return self.commands.ask(command, command_id or f"command {self._asked}").result(PATIENCE_S)

    def result(self) -> TrainingResult:
        """Return what it left, once it has ended."""
        return self.running.result(PATIENCE_S)

    def next_batch(self) -> BatchEnded:
        """Wait for a batch that ends from now on."""
        return self.next(BatchEnded)

    def next(self, kind: type[T]) -> T:
        """Wait for an event of a kind that comes from now on."""
        return self.since(len(self.events), kind)

    def since(self, seen: int, kind: type[T]) -> T:
        """Wait for an event of a kind behind the first ones."""

        def found() -> T | None:
            return next((event for event in self.events[seen:] if isinstance(event, kind)), None)

        with self._came:
            self._came.wait_for(lambda: found() is not None or self.running.done(), PATIENCE_S)
        event = found()
        assert event is not None, f"no {kind.__name__}: {self.lines[-5:]}"
        return event

    def _on_event(self, event: TrainingEvent) -> None:
        with self._came:
            self.events.append(event)
            self._came.notify_all()

    def _wake(self) -> None:
        with self._came:
            self._came.notify_all()
