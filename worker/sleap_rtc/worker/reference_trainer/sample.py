"""Orchestration: shows what a model in training says of a frame, as a picture in the run's folder.

<ckpt_dir>/<run_name>/samples/
└── epoch_003_frame_7.png      after a batch of the third epoch, frame 7 of the video
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sleap_rtc.worker.reference_trainer.errors import TrainerError
from sleap_rtc.worker.reference_trainer.pose_dataset import CENTROID, PoseDataset
from sleap_rtc.worker.reference_trainer.pose_model import Parameters
from sleap_rtc.worker.reference_trainer.prediction import places_in
from sleap_rtc.worker.reference_trainer.run_directory import SAMPLES, RunDirectory
from sleap_rtc.worker.reference_trainer.sample_picture import draw
from sleap_rtc.worker.reference_trainer.slp_package import read_image, read_skeleton

_NAMED: Final = 12
"""How many frames a refusal names."""


class SampleRefused(Exception):
    """There is no such frame, or its picture cannot be made; the message says why."""


@dataclass(frozen=True)
class Sampled:
    """A picture: where it lies, its frame in the video, and the mean distance to the labels in pixels."""

    path: Path
    frame: int
    error_px: float


class Sampler:
    """Draws frames that the model is judged by, and on request those that it learns from.

    Args:
        directory: Of the run.
        validation: The frames to choose from without a wish.
        training: The others.
    """

    def __init__(self, directory: RunDirectory, validation: PoseDataset, training: PoseDataset) -> None:
        self._directory = directory
        self._sets = (validation, training)

    def __call__(self, parameters: Parameters, epoch: int, batch: int, frame: int | None) -> Sampled:
        """Draws a frame, the first of those held out where none is wished for.

        Args:
            parameters: The model.
            epoch: Counted from 0.
            batch: Counted from 0.
            frame: Its number in the video.

        Raises:
            SampleRefused: See there.
        """
        frames, row = self._find(frame)
        source = frames.sources[row]
        try:
            image = read_image(source.path, source.video, source.frame_index)
            edges = read_skeleton(source.path).edges if frames.maps != (CENTROID,) else ()
            predicted = places_in(parameters, image)
            errors = np.linalg.norm(predicted - frames.places[row], axis=1)
            error_px = float(np.nanmean(errors)) if np.isfinite(errors).any() else math.nan
            title = f"epoch {epoch + 1}, batch {batch + 1}   frame {source.frame_index}"
            picture = draw(image, predicted, frames.places[row], frames.maps, edges, title)
            name = f"epoch_{epoch + 1:03}_frame_{source.frame_index}.png"
            self._directory.save_sample(name, picture)
        except TrainerError as error:
            raise SampleRefused(f"Frame {source.frame_index} could not be drawn: {error}") from error
        return Sampled(self._directory.path / SAMPLES / name, source.frame_index, error_px)

    def _find(self, frame: int | None) -> tuple[PoseDataset, int]:
        if frame is None:
            return self._sets[0], 0
        for frames in self._sets:
            for row, source in enumerate(frames.sources):
                if source.frame_index == frame:
                    return frames, row
        held_out = sorted({source.frame_index for source in self._sets[0].sources})
        named = ", ".join(map(str, held_out[:_NAMED])) + (", ..." if len(held_out) > _NAMED else "")
        raise SampleRefused(
            f"Frame {frame} is not among the labelled frames of this dataset; those held out are {named}."
        )
