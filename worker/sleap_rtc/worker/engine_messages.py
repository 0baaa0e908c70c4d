"""Pure: what an engine and the worker say to each other, as values.

The messages are JSON objects over ZeroMQ: sleap-nn's own, and with them those of an engine that says in
`train_begin` which commands it can do. docs/training.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sleap_rtc.events.job_commands import Sample, SetLearningRate
from sleap_rtc.worker.training_commands import CommandRefused, Effect, TrainingCommand
from sleap_rtc.worker.training_events import (
    BatchEnded,
    EpochBegun,
    EpochEnded,
    Paused,
    Resumed,
    TrainingBegun,
    TrainingEvent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WIRE_NAMES: Final = {
    "pause": "pause",
    "resume": "resume",
    "stop": "stop",
    "set_learning_rate": "set_lr",
    "sample": "sample",
}
_NAMES: Final = {wire: name for name, wire in _WIRE_NAMES.items()}


@dataclass(frozen=True)
class Answer:
    """What an engine says of a command."""

    command_id: str
    outcome: Effect | CommandRefused


def event_of(message: Mapping[str, Any]) -> TrainingEvent | None:
    """Return what a message tells of the training; None for all others."""
    name, logs = message.get("event"), _numbers(message.get("logs"))
    epoch, batch = _count(message.get("epoch")), _count(message.get("batch"))
    if name == "train_begin":
        known = frozenset(_NAMES[each] for each in message.get("abilities") or () if each in _NAMES)
        return TrainingBegun(known, _count(message.get("epochs")), _count(message.get("batches")))
    if name in {"paused", "resumed"}:
        return Paused() if name == "paused" else Resumed()
    if epoch is None:
        return None
    if name == "batch_end":
        return None if batch is None else BatchEnded(epoch, batch, logs)
    if name == "epoch_begin":
        return EpochBegun(epoch)
    return EpochEnded(epoch, logs) if name == "epoch_end" else None


def message_of(command: TrainingCommand, command_id: str) -> dict[str, Any]:
    """Return a command as an engine is told it."""
    message: dict[str, Any] = {"command": _WIRE_NAMES[command.name], "id": command_id}
    if isinstance(command, SetLearningRate):
        message["value"] = command.value
    elif isinstance(command, Sample):
        message["frame"] = command.frame
    return message


def answer_of(message: Mapping[str, Any], folder: Path) -> Answer | None:
    """Return what a message says of a command; None if nothing.

    Args:
        message: of an engine.
        folder: where the engine runs; files that it names elsewhere are left out.
    """
    command_id = message.get("id")
    if not isinstance(command_id, str):
        return None
    if message.get("event") == "command_refused":
        return Answer(command_id, CommandRefused(why=str(message.get("why") or "The trainer says no.")))
    if message.get("event") != "command_done":
        return None
    named = [folder / str(name) for name in message.get("files") or ()]
    files = tuple(path for path in named if _within(path, folder))
    values = message.get("values")
    kept = {
        str(name): value
        for name, value in (values.items() if isinstance(values, dict) else ())
        if isinstance(value, float | int | str)
    }
    return Answer(command_id, Effect(str(message.get("effect") or "done"), files, kept))


def _within(path: Path, folder: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _numbers(logs: object) -> dict[str, float]:
    if not isinstance(logs, dict):
        return {}
    # Lightning logs the epoch beside the losses, as a fraction; which one it is says the message itself.
    return {
        str(name): float(value)
        for name, value in logs.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name != "epoch"
    }
