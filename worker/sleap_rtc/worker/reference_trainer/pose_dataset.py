"""Orchestration: turns SLEAP packages into the arrays that the model learns from, one frame at a time.

Frames are kept at working size as bytes (9 KB each), so that memory does not grow with the size of the video.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sleap_rtc.worker.reference_trainer.config import TrainingConfig
from sleap_rtc.worker.reference_trainer.errors import ConfigUnreadable, PackageMissing, PackageUnreadable
from sleap_rtc.worker.reference_trainer.slp_package import labelled_frames, read_skeleton
from sleap_rtc.worker.reference_trainer.working_image import shrink, stack

CENTROID = "centroid"


@dataclass(frozen=True)
class Source:
    """Where a frame is from: its package, the video in it, and its index in the source video."""

    path: Path
    video: int
    frame_index: int


@dataclass(frozen=True)
class PoseDataset:
    """Labelled frames at working size.

    Attributes:
        maps: What each score map stands for: the node names, or ``("centroid",)``.
        canvas: ``(n, height, width)`` grey levels.
        places: ``(n, maps, 2)`` x and y in original pixels, NaN where missing.
        scale: ``(n, 1, 2)`` working pixels per original pixel.
        sources: Where each frame is from.
    """

    maps: tuple[str, ...]
    canvas: NDArray[np.uint8]
    places: NDArray[np.float64]
    scale: NDArray[np.float64]
    sources: tuple[Source, ...]

    def __len__(self) -> int:
        return len(self.canvas)

    def subset(self, chosen: NDArray[np.intp]) -> "PoseDataset":
        """The frames at these positions."""
        sources = tuple(self.sources[row] for row in chosen)
        return PoseDataset(self.maps, self.canvas[chosen], self.places[chosen], self.scale[chosen], sources)


def load_dataset(
    paths: Sequence[Path], *, setting: str, model_type: str, user_instances_only: bool
) -> PoseDataset:
    """Reads every package and shrinks its frames.

    Args:
        paths: The packages; they must share a skeleton.
        setting: The config field that names them, for the error message.
        model_type: ``centroid`` makes one map, the mean of the visible nodes; all else one per node.
        user_instances_only: Whether to leave predicted instances out.

    Raises:
        PackageMissing: No such file.
        PackageUnreadable: Not a SLEAP package, damaged, or with another skeleton than the first.
        NoEmbeddedFrames: A package without images.
        NoLabels: A package without instances.
    """
    images, places, scales, sources = [], [], [], []
    nodes: tuple[str, ...] | None = None
    for path in paths:
        if not path.is_file():
            raise PackageMissing(path, setting)
        skeleton = read_skeleton(path)
        if nodes is not None and skeleton.nodes != nodes:
            raise PackageUnreadable(path, f"its skeleton is not the one of {paths[0]}")
        nodes = skeleton.nodes
        for frame in labelled_frames(path, user_instances_only=user_instances_only):
            try:
                working = shrink(frame.image)
            except (TypeError, ValueError) as error:
                raise PackageUnreadable(path, f"frame {frame.frame_index} is no image") from error
            images.append(working.pixels)
            scales.append([working.scale])
            sources.append(Source(path, frame.video, frame.frame_index))
            points = frame.points
            places.append(np.nanmean(points, axis=0, keepdims=True) if model_type == CENTROID else points)
    maps = (CENTROID,) if model_type == CENTROID else nodes or ()
    return PoseDataset(maps, stack(images), np.stack(places), np.array(scales), tuple(sources))


def load_split(config: TrainingConfig) -> tuple[PoseDataset, PoseDataset]:
    """The frames to learn from and the frames to judge by; the same for the same seed.

    Without packages of their own, the latter are ``validation_fraction`` of the former, at least one, except
    that a single frame is both.

    Raises:
        TrainerError: As ``load_dataset``.
        ConfigUnreadable: The validation packages have another skeleton.
    """

    def load(paths: Sequence[Path], setting: str) -> PoseDataset:
        return load_dataset(
            paths,
            setting=f"data_config.{setting}",
            model_type=config.model_type,
            user_instances_only=config.user_instances_only,
        )

    everything = load(config.train_labels, "train_labels_path")
    if config.val_labels:
        validation = load(config.val_labels, "val_labels_path")
        if validation.maps != everything.maps:
            raise ConfigUnreadable(config.val_labels[0], "its skeleton is not the one of train_labels_path")
        return everything, validation
    if config.use_same_data_for_val or len(everything) == 1:
        return everything, everything
    order = np.random.default_rng([config.seed, 1]).permutation(len(everything))
    held_out = max(1, round(config.validation_fraction * len(everything)))
    return everything.subset(np.sort(order[held_out:])), everything.subset(np.sort(order[:held_out]))
