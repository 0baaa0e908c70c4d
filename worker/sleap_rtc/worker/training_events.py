"""Pure: what a training tells while it runs. Epochs and batches are counted from 0, as in sleap-nn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class TrainingBegun:
    """The engine is up.

    Attributes:
        abilities: names of the commands that it can do, as in `events/job_commands.py`.
        epochs: how many are planned at most, None where the engine does not say.
        batches: how many an epoch has, None where the engine does not say.
    """

    abilities: frozenset[str] = frozenset()
    epochs: int | None = None
    batches: int | None = None


@dataclass(frozen=True)
class EpochBegun:
    """An epoch begins."""

    epoch: int


@dataclass(frozen=True)
class BatchEnded:
    """One step of training is done; `logs` has its loss."""

    epoch: int
    batch: int
    logs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is done; `logs` has losses, the learning rate and what else the engine measures."""

    epoch: int
    logs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Paused:
    """The engine stands still until it is told to go on."""


@dataclass(frozen=True)
class Resumed:
    """The engine goes on."""


@dataclass(frozen=True)
class TrainingEnded:
    """No more events come. `stopped` says that a command ended it before its time."""

    stopped: bool = False


TrainingEvent: TypeAlias = (
    TrainingBegun | EpochBegun | BatchEnded | EpochEnded | Paused | Resumed | TrainingEnded
)
OnEvent: TypeAlias = "Callable[[TrainingEvent], None]"
