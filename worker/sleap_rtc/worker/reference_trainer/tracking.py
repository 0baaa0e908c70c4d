"""Orchestration: predicts the poses in the frames of a SLEAP package, one animal in each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.checkpoint import Checkpoint
from sleap_rtc.worker.reference_trainer.errors import (
    CheckpointUnreadable,
    ModelUnsuitable,
    NoFrames,
    PackageMissing,
    SkeletonDiffers,
)
from sleap_rtc.worker.reference_trainer.pose_dataset import CENTROID
from sleap_rtc.worker.reference_trainer.prediction import Pose, pose_in
from sleap_rtc.worker.reference_trainer.run_directory import BEST, read_checkpoint
from sleap_rtc.worker.reference_trainer.slp_package import Selection, embedded_frames, read_skeleton
from sleap_rtc.worker.reference_trainer.slp_predictions import PredictedFrame, write_predictions

_WHICH: Final = {"all": "frame", "suggested": "suggested frame", "labeled": "labelled frame"}
_TOLD_EVERY: Final = 100


@dataclass(frozen=True)
class TrackOrder:
    """What is to be predicted.

    Attributes:
        data: The package.
        models: Folders of models; a centroid model beside another one is not needed, and left out.
        output: Where the predictions are to lie.
        which: Which frames.
        peak_threshold: How sure the model has to be of a node.
    """

    data: Path
    models: tuple[Path, ...]
    output: Path
    which: Selection = "all"
    peak_threshold: float = 0.0


def track(order: TrackOrder, log: Callable[[str], None]) -> int:
    """Predicts, writes the file and returns how many frames have a pose in it.

    Raises:
        TrainerError: What stands in the way.
    """
    if not order.data.is_file():
        raise PackageMissing(order.data, "--data_path")
    folder, model = _pose_model(order.models)
    columns = _columns(order.data, model.maps)
    log(f"{TRAINER_NAME} {TRAINER_VERSION}: predicting with {folder.name} ({model.model_type})")
    frames: list[PredictedFrame] = []
    seen = 0
    for seen, frame in enumerate(embedded_frames(order.data, order.which), 1):
        try:
            pose = pose_in(model.parameters, frame.image)
        except (KeyError, ValueError) as error:
            raise CheckpointUnreadable(folder / BEST, "its layers are not those of this version") from error
        found = _sure(Pose(pose.places[columns], pose.scores[columns]), order.peak_threshold)
        if found is not None:
            frames.append(PredictedFrame(frame.video, frame.frame_index, found))
        if seen % _TOLD_EVERY == 0:
            log(f"{TRAINER_NAME}: {seen} frames")
    if not seen:
        raise NoFrames(order.data, _WHICH[order.which])
    if not frames:
        raise NoFrames(order.data, f"{_WHICH[order.which]} with a node above --peak_threshold")
    write_predictions(order.output, order.data, frames)
    return len(frames)


def _pose_model(folders: Sequence[Path]) -> tuple[Path, Checkpoint]:
    """The one model that finds nodes."""
    found = [(folder, read_checkpoint(folder / BEST)) for folder in folders]
    with_nodes = [each for each in found if each[1].model_type != CENTROID]
    named = ", ".join(f"{folder.name} ({model.model_type})" for folder, model in found) or "no model"
    if not with_nodes:
        raise ModelUnsuitable(named, "a centroid alone has no nodes")
    if len(with_nodes) > 1:
        raise ModelUnsuitable(named, f"the {TRAINER_NAME} uses one model of nodes at a time")
    return with_nodes[0]


def _columns(data: Path, maps: Sequence[str]) -> list[int]:
    """Which map of the model stands for each node of the dataset."""
    nodes = read_skeleton(data).nodes
    if set(nodes) != set(maps):
        raise SkeletonDiffers(data, ", ".join(maps), ", ".join(nodes))
    return [maps.index(node) for node in nodes]


def _sure(pose: Pose, threshold: float) -> Pose | None:
    """The pose without the nodes that the model is not sure of; None if it is sure of none."""
    sure = pose.scores >= threshold
    if not sure.any():
        return None
    return Pose(np.where(sure[:, None], pose.places, np.nan), pose.scores)
