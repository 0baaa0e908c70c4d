"""Pure: why an inference ended without predictions, told from its exit status and its last lines.

An engine of ours says it by its exit status (`engine/exit_status.py`); both refuse a wrong command line with
2. All else is told as it is of a training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sleap_rtc.worker.engine.exit_status import (
    CHECKPOINT_UNREADABLE,
    MODEL_UNSUITABLE,
    NO_FRAMES,
    NO_IMAGES,
    OPTION_REFUSED,
    PACKAGE_UNREADABLE,
    SKELETON_DIFFERS,
)
from sleap_rtc.worker.errors import (
    DatasetUnusable,
    JobFailed,
    ModelUnsuitable,
    NoFrames,
    OptionsRefused,
    SkeletonMismatch,
    TrackingFailed,
    TrainingFailed,
)
from sleap_rtc.worker.training_failure import failure_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sleap_rtc.worker.trainer import TrainerName

_WRONG_USAGE: Final = 2
_OF_OURS: Final[Mapping[int, type[JobFailed]]] = {
    OPTION_REFUSED: OptionsRefused,
    PACKAGE_UNREADABLE: DatasetUnusable,
    NO_IMAGES: NoFrames,
    CHECKPOINT_UNREADABLE: ModelUnsuitable,
    NO_FRAMES: NoFrames,
    SKELETON_DIFFERS: SkeletonMismatch,
    MODEL_UNSUITABLE: ModelUnsuitable,
}


def tracking_failure(engine: TrainerName, title: str, exit_status: int, lines: Sequence[str]) -> JobFailed:
    """Return what a job fails with.

    Args:
        engine: which ran.
        title: its name.
        exit_status: of the engine, as a shell has it; not 0.
        lines: the end of what it said.
    """
    last = lines[-1].removeprefix(f"{title}: ") if lines else "it said nothing"
    known: Mapping[int, type[JobFailed]] = {
        _WRONG_USAGE: OptionsRefused,
        **(_OF_OURS if engine == "reference" else {}),
    }
    kind = known.get(exit_status)
    if kind is not None:
        return kind(told=last)
    failure = failure_of(title, exit_status, lines)
    if isinstance(failure, TrainingFailed):
        return TrackingFailed(exit_status=exit_status, last_lines=failure.last_lines)
    return failure
