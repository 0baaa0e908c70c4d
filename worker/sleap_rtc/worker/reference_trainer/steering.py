"""Orchestration: does between two batches what the run is told: pause, stop, learning rate, sample."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.pose_model import Parameters
from sleap_rtc.worker.reference_trainer.progress import Command, Progress
from sleap_rtc.worker.reference_trainer.sample import Sampled, SampleRefused

ABILITIES: Final = ("pause", "resume", "stop", "set_lr", "sample")
_SMALLEST_IN_FULL: Final = 1e-7
_LARGEST_IN_FULL: Final = 1e6


@dataclass(frozen=True)
class Moment:
    """Between two batches: the last one that was done, counted from 0, and the model after it."""

    epoch: int
    batch: int
    batches: int
    epochs: int
    parameters: Parameters

    def __str__(self) -> str:
        return f"batch {self.batch + 1} of epoch {self.epoch + 1}"

    @property
    def next(self) -> tuple[int, int] | None:
        """Epoch and batch of what comes next, None at the end of the training."""
        if self.batch + 1 < self.batches:
            return self.epoch, self.batch + 1
        return (self.epoch + 1, 0) if self.epoch + 1 < self.epochs else None


class Refusal(Exception):
    """A command cannot be done; the message says why."""


class Steering:
    """Takes commands and answers each once it has its effect.

    Args:
        progress: Where commands come from and answers go.
        learning_rate: To begin with.
        sample: Draws what a model says of a frame.
    """

    def __init__(
        self, progress: Progress, learning_rate: float, sample: Callable[[Moment, int | None], Sampled]
    ) -> None:
        self.learning_rate = learning_rate
        self.stopping = False
        self._progress = progress
        self._sample = sample
        self._paused = False
        self._stops: list[tuple[object, Moment]] = []

    def between_batches(self, moment: Moment) -> None:
        """Obeys; comes back when the training is to go on, or to stop."""
        commands = self._progress.commands()
        while True:
            for command in commands:
                self._obey(command, moment)
            if self.stopping or not self._paused:
                return
            commands = self._progress.commands(wait=True)

    def saved(self) -> None:
        """Answers who asked for a stop: the checkpoint is written."""
        for command_id, moment in self._stops:
            text = f"stopping: checkpoint saved after {moment}, the model is published as partial"
            self._done(command_id, text, {"epoch": moment.epoch, "batch": moment.batch})

    def _obey(self, command: Command, moment: Moment) -> None:
        command_id = command.get("id")
        try:
            match command.get("command"):
                case "pause":
                    self._pause(command_id, moment)
                case "resume":
                    self._resume(command_id, moment)
                case "stop":
                    self._stop(command_id, moment)
                case "set_lr" if command_id is not None:
                    self._set_learning_rate(command_id, command.get("value"), moment)
                case "sample" if command_id is not None:
                    self._show(command_id, command.get("frame"), moment)
                case other:
                    raise Refusal(f"{TRAINER_NAME} {TRAINER_VERSION} knows no command {other!r:.60}.")
        except (Refusal, SampleRefused) as refusal:
            if command_id is not None:
                self._progress.publish("command_refused", id=command_id, why=str(refusal))

    def _pause(self, command_id: object, moment: Moment) -> None:
        already = " already," if self._paused else ""
        if not self._paused:
            self._paused = True
            self._progress.publish("paused")
        self._done(command_id, f"paused{already} after {moment}", _place(moment))

    def _resume(self, command_id: object, moment: Moment) -> None:
        if not self._paused:
            self._done(command_id, f"not paused: training goes on after {moment}", _place(moment))
            return
        self._paused = False
        self._progress.publish("resumed")
        self._done(command_id, f"resumed after {moment}", _place(moment))

    def _stop(self, command_id: object, moment: Moment) -> None:
        if moment.next is None:
            raise Refusal("That was the last batch: the training ends by itself, and its model is whole.")
        self.stopping = True
        if command_id is not None:
            self._stops.append((command_id, moment))

    def _set_learning_rate(self, command_id: object, value: object, moment: Moment) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refusal(f"A learning rate is a number above 0, which {value!r:.60} is not.")
        if not (math.isfinite(value) and value > 0):
            raise Refusal(f"A learning rate is a number above 0, which {value} is not.")
        if moment.next is None:
            raise Refusal("That was the last batch: no step is left that another learning rate could change.")
        before, self.learning_rate = self.learning_rate, float(value)
        epoch, batch = moment.next
        text = (
            f"learning rate {in_full(before)} -> {in_full(self.learning_rate)}"
            f" from batch {batch + 1} of epoch {epoch + 1}"
        )
        rates = {"before": before, "learning_rate": self.learning_rate}
        self._done(command_id, text, {**rates, "epoch": epoch, "batch": batch})

    def _show(self, command_id: object, frame: object, moment: Moment) -> None:
        if isinstance(frame, bool) or not isinstance(frame, int | None):
            raise Refusal(f"A frame is given by its number in the video, which {frame!r:.60} is not.")
        shown = self._sample(moment, frame)
        values: dict[str, Any] = {"frame": shown.frame, **_place(moment)}
        if math.isfinite(shown.error_px):
            values["error_px"] = shown.error_px
        self._done(command_id, f"sample of frame {shown.frame} saved", values, [shown.path.as_posix()])

    def _done(
        self, command_id: object, effect: str, values: Mapping[str, Any], files: list[str] | None = None
    ) -> None:
        if command_id is not None:
            self._progress.publish(
                "command_done", id=command_id, effect=effect, files=files or [], values=dict(values)
            )


def _place(moment: Moment) -> dict[str, int]:
    return {"epoch": moment.epoch, "batch": moment.batch}


def in_full(rate: float) -> str:
    """A learning rate as people write it, without an exponent unless it is very small or very large."""
    if _SMALLEST_IN_FULL <= rate < _LARGEST_IN_FULL:
        return np.format_float_positional(rate, trim="-")
    return f"{rate:g}"
