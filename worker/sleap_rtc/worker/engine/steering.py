"""Orchestration: does between two batches what the run is told: pause, stop, learning rate, sample.

Sentences count epochs and batches from 1, as people do; numbers beside them count from 0, as messages do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from sleap_rtc.worker.engine.progress import Command, Progress

ABILITIES: Final = ("pause", "resume", "stop", "set_lr", "sample")
_SMALLEST_IN_FULL: Final = 1e-7
_LARGEST_IN_FULL: Final = 1e6
_NAMED: Final = 12
"""How many frames a refusal names."""


@dataclass(frozen=True)
class Moment:
    """Between two batches: the last one that was done, counted from 0, and how many there are to be.

    Attributes:
        epochs: None where the training has no end of its own.
    """

    epoch: int
    batch: int
    batches: int
    epochs: int | None

    def __str__(self) -> str:
        return f"batch {self.batch + 1} of epoch {self.epoch + 1}"

    @property
    def next(self) -> tuple[int, int] | None:
        """Epoch and batch of what comes next, None at the end of the training."""
        if self.batch + 1 < self.batches:
            return self.epoch, self.batch + 1
        return (self.epoch + 1, 0) if self.epochs is None or self.epoch + 1 < self.epochs else None


@dataclass(frozen=True)
class Sampled:
    """A picture: where it lies, its frame in the video, and the mean distance to the labels in pixels.

    The distance is NaN where the frame has no labels.
    """

    path: Path
    frame: int
    error_px: float


class Refusal(Exception):
    """A command cannot be done; the message says why."""


class Wheel(Protocol):
    """What of a training can be changed and looked at between two batches."""

    def learning_rate(self) -> float:
        """The one of the next step."""
        ...

    def set_learning_rate(self, value: float) -> str:
        """Changes it. Returns what else there is to say, such as what a schedule makes of it, or nothing."""
        ...

    def sample(self, moment: Moment, frame: int | None) -> Sampled:
        """Draws what the model says of a frame.

        Raises:
            Refusal: There is no such frame, or its picture cannot be made.
        """
        ...


class Steering:
    """Takes commands and answers each once it has its effect.

    Args:
        progress: Where commands come from and answers go.
        title: The trainer's name and version.
        wheel: What it turns.
    """

    def __init__(self, progress: Progress, title: str, wheel: Wheel) -> None:
        self.stopping = False
        self._progress = progress
        self._title = title
        self._wheel = wheel
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
            self._done(command_id, text, _place(moment))

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
                    raise Refusal(f"{self._title} knows no command {other!r:.60}.")
        except Refusal as refusal:
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
        before = self._wheel.learning_rate()
        more = self._wheel.set_learning_rate(float(value))
        epoch, batch = moment.next
        text = (
            f"learning rate {in_full(before)} -> {in_full(float(value))}"
            f" from batch {batch + 1} of epoch {epoch + 1}{f'; {more}' if more else ''}"
        )
        values = {"before": before, "learning_rate": float(value), "epoch": epoch, "batch": batch}
        self._done(command_id, text, values)

    def _show(self, command_id: object, frame: object, moment: Moment) -> None:
        if isinstance(frame, bool) or not isinstance(frame, int | None):
            raise Refusal(f"A frame is given by its number in the video, which {frame!r:.60} is not.")
        shown = self._wheel.sample(moment, frame)
        values: dict[str, Any] = {"frame": shown.frame, **_place(moment)}
        if math.isfinite(shown.error_px):
            values["error_px"] = shown.error_px
        self._done(command_id, f"sample of frame {shown.frame} saved", values, [shown.path.as_posix()])

    def _done(
        self, command_id: object, effect: str, values: Mapping[str, Any], files: Sequence[str] = ()
    ) -> None:
        if command_id is not None:
            self._progress.publish(
                "command_done", id=command_id, effect=effect, files=list(files), values=dict(values)
            )


def _place(moment: Moment) -> dict[str, int]:
    return {"epoch": moment.epoch, "batch": moment.batch}


def sample_title(moment: Moment, frame: int) -> str:
    """What stands above a picture."""
    return f"epoch {moment.epoch + 1}, batch {moment.batch + 1}   frame {frame}"


def sample_name(moment: Moment, frame: int) -> str:
    """What the file of a picture is called, such as ``epoch_003_frame_7.png`` for one of the third epoch."""
    return f"epoch_{moment.epoch + 1:03}_frame_{frame}.png"


def no_such_frame(frame: int, held_out: Sequence[int]) -> Refusal:
    """A refusal that names frames that there are."""
    numbers = sorted(set(held_out))
    named = ", ".join(map(str, numbers[:_NAMED])) + (", ..." if len(numbers) > _NAMED else "")
    return Refusal(
        f"Frame {frame} is not among the labelled frames of this dataset; those held out are {named}."
    )


def in_full(rate: float) -> str:
    """A learning rate as people write it, without an exponent unless it is very small or very large."""
    if _SMALLEST_IN_FULL <= rate < _LARGEST_IN_FULL:
        digits = max(0, 6 - math.floor(math.log10(rate)))
        return f"{rate:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{rate:.0f}"
    return f"{rate:g}"
