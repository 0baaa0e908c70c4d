"""Orchestration: finds what an earlier attempt left of a training, and lays it out for the engine.

A checkpoint is a help and never a condition: whatever is wrong with it, training starts over and the log says
why.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.storage.download_engine import download
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.checkpoint_copy import CURVE, LAST, RESUME_FOLDER, Row, read_curve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sleap_rtc.events.checkpoints import Checkpoint
    from sleap_rtc.storage.stop_signal import StopSignal
    from sleap_rtc.worker.checkpoint_keeper import TrainingFacts
    from sleap_rtc.worker.checkpoint_store import CheckpointStore

SAVE_LAST = "trainer_config.model_ckpt.save_last"
RESUME_FROM = "trainer_config.resume_ckpt_path"
"""In sleap-nn's spelling; the one says that a `last.ckpt` is written after each epoch, the other names it."""


@dataclass(frozen=True)
class Resumption:
    """What a training can go on from.

    Args:
        rows: what was measured of each epoch that is in it, or a little more.
        options: tell the engine.
    """

    rows: tuple[Row, ...]
    options: Mapping[str, str]


def brought(
    store: CheckpointStore,
    facts: TrainingFacts,
    package: Path,
    say: Callable[[str], None],
    stop: StopSignal,
    traffic: Traffic = SILENT,
) -> Resumption | None:
    """Bring the newest checkpoint of a training; None where there is none that is of use.

    Args:
        store: where it lies.
        facts: what it has to agree with.
        package: the folder in which the engine runs.
        say: told in a line what came of it.
        stop: ends it at once.
        traffic: is told of requests and bytes.

    Raises:
        LeaseLost: the job is not this worker's any more.
    """
    folder = package / RESUME_FOLDER
    try:
        found = store.find(facts.hold)
        if found is None or found.turn < facts.turn:
            return None  # what was trained before this one is in the room
        _check(found, facts)
        shutil.rmtree(folder, ignore_errors=True)
        for file in found.files:
            source = store.source(facts.hold, found, file)
            download(source, folder / file.name, threads=2, stop=stop, traffic=traffic)
        rows = read_curve(folder)
    except LeaseLost:
        raise
    except (SleapRtcError, OSError, ValueError) as error:
        say(f"the checkpoint of an earlier attempt is of no use, so training starts over: {error}")
        return None
    say(f"going on from the checkpoint after epoch {found.epoch + 1}, verified")
    return Resumption(rows, {RESUME_FROM: f"{RESUME_FOLDER}/{LAST}"})


def _check(found: Checkpoint, facts: TrainingFacts) -> None:
    """Look whether a checkpoint is one of this training. Raises ValueError."""
    if (found.room_id, found.job_id) != (facts.hold.room_id, facts.hold.job_id):
        raise ValueError("it is of another job")
    if found.turn != facts.turn:
        raise ValueError(f"it is of model {found.turn + 1} of the job, which counts from 1")
    if found.model_type != facts.model_type or found.config_checksum != facts.config_checksum:
        raise ValueError(f"it is of another configuration, for a {found.model_type} model")
    if found.trainer != facts.trainer:
        raise ValueError(f"the {found.trainer} made it, and this worker trains with the {facts.trainer}")
    if not {LAST, CURVE} <= {file.name for file in found.files}:
        raise ValueError("it is not whole")
