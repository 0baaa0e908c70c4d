"""Pure: what is told of a worker: what it has, trains and keeps, and how busy its machine is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sleap_rtc.storage.telling import Fact

if TYPE_CHECKING:
    from sleap_rtc.events.job_progress import MachineMeasured


@dataclass(frozen=True)
class WorkerBusy(Fact):
    """Whether this worker has a job now."""

    busy: bool


@dataclass(frozen=True)
class EpochTrained(Fact):
    """An epoch is done; it took `seconds`, None where nobody saw it begin."""

    seconds: float | None


@dataclass(frozen=True)
class CheckpointKept(Fact):
    """A checkpoint came to the room or did not, or a training went on from one."""

    what: Literal["sent", "failed", "resumed_from"]


@dataclass(frozen=True)
class CommandCame(Fact):
    """A command came to the job at hand, over a live session or by its record."""

    command: str
    way: Literal["live", "record"]


@dataclass(frozen=True)
class MachineLoaded(Fact):
    """How busy the machine is while the worker has a job."""

    measured: MachineMeasured
