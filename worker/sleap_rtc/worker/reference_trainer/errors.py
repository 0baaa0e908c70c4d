"""Pure: what can go wrong in a training run, as one tree of errors with an exit code each.

TrainerError
├── ConfigUnreadable      3   no config, not YAML, or a value that cannot be used
├── PackageMissing        4   data_config.train_labels_path names nothing, or no such file
├── PackageUnreadable     5   not a SLEAP package, or damaged (a frame that does not decode, too)
├── NoEmbeddedFrames      6   labels without images: a .slp instead of a .pkg.slp
├── NoLabels              7   images without labels
├── TrainingDiverged      8   the loss is not a number any more
├── CheckpointUnreadable  9   resume or predict from something that is no checkpoint of this model
├── OutputUnwritable     10   no right to write
├── DiskFull             11   no room
├── NoFrames             12   none of the frames that poses are to be predicted for
├── SkeletonDiffers      13   a model of another animal than the dataset's
├── ModelUnsuitable      14   a model of a kind that finds no poses
└── OptionRefused        15   an option of an inference that this engine cannot follow

3, 5, 6, 8, 9 and 11 to 15 are those of every engine of ours (``engine/exit_status.py``). 0 is success (an
early stop included), 2 a wrong command line, 130 an interrupt from the keyboard.
A class's docstring is the message that a user reads.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sleap_rtc.worker.engine.exit_status import (
    CHECKPOINT_UNREADABLE,
    CONFIG_REFUSED,
    DISK_FULL,
    DIVERGED,
    MODEL_UNSUITABLE,
    NO_FRAMES,
    NO_IMAGES,
    OPTION_REFUSED,
    PACKAGE_UNREADABLE,
    SKELETON_DIFFERS,
)


class TrainerError(Exception):
    """The reference trainer failed."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return (self.__doc__ or type(self).__name__).format(**vars(self))


@dataclass(eq=False)
class ConfigUnreadable(TrainerError):
    """The config {path} cannot be used: {reason}."""

    exit_code: ClassVar[int] = CONFIG_REFUSED
    path: Path
    reason: str


@dataclass(eq=False)
class PackageMissing(TrainerError):
    """There is no SLEAP package at {path}: check {setting} (relative to the working directory)."""

    exit_code: ClassVar[int] = 4
    path: Path
    setting: str


@dataclass(eq=False)
class PackageUnreadable(TrainerError):
    """The SLEAP package {path} cannot be read: {reason}; export it from SLEAP again."""

    exit_code: ClassVar[int] = PACKAGE_UNREADABLE
    path: Path
    reason: str


@dataclass(eq=False)
class NoEmbeddedFrames(TrainerError):
    """{path} has labels but no embedded frames: export it from SLEAP as a training package (.pkg.slp)."""

    exit_code: ClassVar[int] = NO_IMAGES
    path: Path


@dataclass(eq=False)
class NoLabels(TrainerError):
    """{path} has no labelled instance: label some frames in SLEAP before training."""

    exit_code: ClassVar[int] = 7
    path: Path


@dataclass(eq=False)
class TrainingDiverged(TrainerError):
    """The loss became {loss} at epoch {epoch}, batch {batch}: lower trainer_config.optimizer.lr ({rate})."""

    exit_code: ClassVar[int] = DIVERGED
    loss: float
    epoch: int
    batch: int
    rate: float


@dataclass(eq=False)
class CheckpointUnreadable(TrainerError):
    """The checkpoint {path} cannot be used: {reason}."""

    exit_code: ClassVar[int] = CHECKPOINT_UNREADABLE
    path: Path
    reason: str


@dataclass(eq=False)
class DiskFull(TrainerError):
    """The disk is full, so the result {path} cannot be written: make room and resume from last.ckpt."""

    exit_code: ClassVar[int] = DISK_FULL
    path: Path


@dataclass(eq=False)
class OutputUnwritable(TrainerError):
    """The result {path} cannot be written: {reason}."""

    exit_code: ClassVar[int] = 10
    path: Path
    reason: str


@dataclass(eq=False)
class OptionRefused(TrainerError):
    """{option} cannot be followed: {reason}."""

    exit_code: ClassVar[int] = OPTION_REFUSED
    option: str
    reason: str


@dataclass(eq=False)
class NoFrames(TrainerError):
    """{path} has no {which} that is embedded in it, so there is nothing to predict poses for."""

    exit_code: ClassVar[int] = NO_FRAMES
    path: Path
    which: str


@dataclass(eq=False)
class SkeletonDiffers(TrainerError):
    """The model finds {found}, and the skeleton of {path} has {wanted}: take a model of this animal."""

    exit_code: ClassVar[int] = SKELETON_DIFFERS
    path: Path
    found: str
    wanted: str


@dataclass(eq=False)
class ModelUnsuitable(TrainerError):
    """No poses can be found with {models}: {reason}."""

    exit_code: ClassVar[int] = MODEL_UNSUITABLE
    models: str
    reason: str
