"""Pure: why a training ended without a model, told from its exit status and its last lines.

An engine of ours says it by its exit status (`engine/exit_status.py`). A plain one is known by the words that
Python, torch and its libraries have for it.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from sleap_rtc.worker.engine.exit_status import CONFIG_REFUSED, DISK_FULL, DIVERGED
from sleap_rtc.worker.errors import (
    ConfigRefused,
    JobFailed,
    TrainerMissing,
    TrainingDiskFull,
    TrainingDiverged,
    TrainingFailed,
    TrainingOutOfMemory,
)
from sleap_rtc.worker.training_events import BatchEnded, EpochEnded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.worker.training_events import TrainingEvent

CANNOT_START: Final = 127
"""What a shell says of a command that it does not find, and `tether.py` of one that does not start."""
_KILLED: Final = (-9, 128 + 9)
_TOLD: Final = 5
"""How many lines are repeated."""
_MODULE_MISSING = re.compile(r"^ModuleNotFoundError: No module named '(\w+)", re.MULTILINE)
_CONFIG_LIBRARY = re.compile(r"^(omegaconf|hydra)\.errors\.", re.MULTILINE)
_DISK_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|not enough space on the disk"
    r"|PytorchStreamWriter failed writing"
)
_MEMORY_WORDS = re.compile(
    r"^MemoryError|OutOfMemoryError|CUDA out of memory|CUDA error: out of memory|can't allocate memory"
    r"|is killed by signal: Killed",
    re.MULTILINE,
)
_BY_SYSTEM: Final = "the system ended it (SIGKILL), which it does when no memory is left"
_LOSSES: Final = ("loss", "train/loss")


def failure_of(trainer: str, exit_status: int, lines: Sequence[str]) -> JobFailed:
    """Return what a job fails with.

    Args:
        trainer: its name.
        exit_status: of the engine, as a shell has it; not 0.
        lines: the end of what it said.
    """
    said = "\n".join(lines)
    told = " | ".join(lines[-_TOLD:])
    missing = _MODULE_MISSING.search(said)
    if missing or exit_status == CANNOT_START:
        why = f"its Python has no {missing.group(1)}" if missing else told
        return TrainerMissing(trainer=f"{trainer} ({why})")
    kind: type[ConfigRefused | TrainingDiverged | TrainingDiskFull] | None = None
    if exit_status == CONFIG_REFUSED or _CONFIG_LIBRARY.search(said):
        kind = ConfigRefused
    elif exit_status == DIVERGED:
        kind = TrainingDiverged
    elif exit_status == DISK_FULL or _DISK_WORDS.search(said):
        kind = TrainingDiskFull
    if kind is not None:
        return kind(last_lines=told)
    if exit_status in _KILLED or _MEMORY_WORDS.search(said):
        how = _BY_SYSTEM if exit_status in _KILLED else "it asked for more than there was"
        return TrainingOutOfMemory(how=how, last_lines=told)
    return TrainingFailed(exit_status=exit_status, last_lines=told)


def diverged(event: TrainingEvent) -> bool:
    """Tell whether an event says that the loss is not a number any more."""
    if not isinstance(event, BatchEnded | EpochEnded):
        return False
    return not all(math.isfinite(event.logs.get(name, 0.0)) for name in _LOSSES)
