"""Orchestration: the training of a job, as people watch it and command it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import TimeoutError as NoOutcomeYet
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events import job_progress as told
from sleap_rtc.events.job_commands import (
    MOST_ANSWER_CHARACTERS,
    CancelTransfer,
    CommandAnswer,
    Pause,
    TellTransfer,
)
from sleap_rtc.events.worker_facts import EpochTrained
from sleap_rtc.storage.telling import tell
from sleap_rtc.worker.training_commands import CommandRefused, TrainingCommands
from sleap_rtc.worker.training_events import BatchEnded, EpochBegun, EpochEnded, TrainingBegun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.worker.training_events import TrainingEvent

OUTCOME_WITHIN_S = 120.0
"""A long batch has to end before a pause holds, and a checkpoint to be written before a stop has."""
_MOST_LOGS = 64


class TrainingStage:
    """One training.

    Args:
        title: of the trainer.
        model_type: of the model.
        tell: tells everybody who watches.
    """

    def __init__(self, title: str, model_type: str, tell: Callable[[told.JobEvent], None]) -> None:
        self.commands = TrainingCommands()
        self._title = title
        self._model_type = model_type
        self._tell = tell
        self._files: dict[str, Path] = {}
        self._lock = threading.Lock()
        self._epoch_began: float | None = None

    def on_event(self, event: TrainingEvent) -> None:
        """Tell everybody what the engine says."""
        match event:
            case TrainingBegun():
                begun = told.TrainingBegun(
                    trainer=self._title,
                    abilities=tuple(sorted(event.abilities)),
                    epochs=event.epochs,
                    batches=event.batches,
                    model_type=self._model_type,
                )
                self._tell(begun)
            case BatchEnded():
                self._tell(told.BatchEnded(epoch=event.epoch, batch=event.batch, logs=_logs(event.logs)))
            case EpochBegun():
                self._epoch_began = time.monotonic()
            case EpochEnded():
                began, self._epoch_began = self._epoch_began, None
                tell(EpochTrained(None if began is None else time.monotonic() - began))
                self._tell(told.EpochEnded(epoch=event.epoch, logs=_logs(event.logs)))

    def find(self, name: str) -> Path | None:
        """Return where a file lies that a command made."""
        with self._lock:
            return self._files.get(name)

    held = False
    """What was trained is sent, however long it was paused."""

    def pause(self) -> None:
        """Begin held."""
        self.commands.ask(Pause(), str(ULID()))

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        """Carry a command out, or say why not."""
        del by
        if isinstance(command, TellTransfer | CancelTransfer):
            return CommandAnswer.refused("nothing is being transferred: the training is under way")
        try:
            effect = self.commands.ask(command, command_id).result(OUTCOME_WITHIN_S)
        except CommandRefused as refused:
            return CommandAnswer.refused(str(refused))
        except NoOutcomeYet:
            return CommandAnswer.refused(
                f"the trainer has not done it within {OUTCOME_WITHIN_S:.0f} s; it may still do it"
            )
        names = tuple(self._keep(path) for path in effect.files)
        text = effect.text[:MOST_ANSWER_CHARACTERS]
        return CommandAnswer(outcome="done", text=text, files=names, values=dict(effect.values))

    def _keep(self, path: Path) -> str:
        with self._lock:
            self._files[path.name] = path
        return path.name


def _logs(logs: Mapping[str, float]) -> dict[str, float]:
    """Return what fits into an event."""
    return {name[:80]: float(value) for name, value in list(logs.items())[:_MOST_LOGS]}
