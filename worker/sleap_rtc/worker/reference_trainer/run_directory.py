"""Adapter: the directory that a run leaves behind.

    <ckpt_dir>/<run_name>/
    ├── best.ckpt             the model with the lowest validation loss so far
    ├── last.ckpt             the model after the latest epoch, to resume from
    ├── initial_config.yaml   the config as it was given
    ├── training_config.yaml  the config after overrides, and the trainer's name and version
    ├── training_log.csv      one line per epoch
    ├── software.json         the versions that it ran with
    ├── metrics.json          the run in a few numbers, written at its end
    └── samples/              pictures of what the model said on the way; no part of the model

Each file appears whole or not at all: it is written beside its place, synced and moved there.
"""

import contextlib
import csv
import errno
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sleap_rtc.worker.reference_trainer.checkpoint import (
    Checkpoint,
    EpochRecord,
    NotACheckpoint,
    decode,
    encode,
)
from sleap_rtc.worker.reference_trainer.errors import (
    CheckpointUnreadable,
    DiskFull,
    OutputUnwritable,
    TrainerError,
)

BEST: Final = "best.ckpt"
LAST: Final = "last.ckpt"
SAMPLES: Final = "samples"
LOG_COLUMNS: Final = ("epoch", "train_loss", "val_loss", "val_error_px", "learning_rate", "seconds")


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        CheckpointUnreadable: No such file, or not a checkpoint.
    """
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise CheckpointUnreadable(path, error.strerror or str(error)) from error
    except NotACheckpoint as error:
        raise CheckpointUnreadable(path, str(error)) from error


class RunDirectory:
    """Writes the results of one run; every method raises DiskFull or OutputUnwritable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error

    def save_configs(self, *, initial_yaml: str, effective_yaml: str) -> None:
        """The config before and after overrides."""
        self._write("initial_config.yaml", initial_yaml.encode())
        self._write("training_config.yaml", effective_yaml.encode())

    def save_software(self, versions: Mapping[str, str]) -> None:
        """The versions that the run was made with, by name."""
        self._write("software.json", (json.dumps(versions, indent=2) + "\n").encode())

    def save_checkpoint(self, name: str, checkpoint: Checkpoint) -> None:
        """A checkpoint under the name BEST or LAST."""
        self._write(name, encode(checkpoint))

    def save_log(self, history: Sequence[EpochRecord], seconds: Mapping[int, float]) -> None:
        """All epochs so far; ``seconds`` is per epoch and knows only those of this process."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(LOG_COLUMNS)
        for record in history:
            numbers = (record.train_loss, record.val_loss, record.val_error_px, record.learning_rate)
            took = f"{seconds[record.epoch]:.3f}" if record.epoch in seconds else ""
            writer.writerow([record.epoch, *(f"{number:.6g}" for number in numbers), took])
        self._write("training_log.csv", buffer.getvalue().encode())

    def save_metrics(self, metrics: Mapping[str, object]) -> None:
        """The run in a few numbers."""
        self._write("metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())

    def save_sample(self, name: str, picture: bytes) -> None:
        """A picture."""
        self._write(f"{SAMPLES}/{name}", picture)

    def _write(self, name: str, content: bytes) -> None:
        write_whole(self.path / name, content)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that appears whole or not at all. Raises DiskFull or OutputUnwritable."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> TrainerError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(path)
    return OutputUnwritable(path, error.strerror or str(error))
