"""Orchestration: what of a run can be changed and looked at between two batches.

<ckpt_dir>/<run_name>/samples/
└── epoch_003_frame_7.png      after a batch of the third epoch, frame 7 of the video
"""

from typing import Final

from sleap_rtc.worker.engine.sample_picture import draw
from sleap_rtc.worker.engine.steering import (
    Moment,
    Refusal,
    Sampled,
    no_such_frame,
    sample_name,
    sample_title,
)
from sleap_rtc.worker.reference_trainer.errors import TrainerError
from sleap_rtc.worker.reference_trainer.pose_dataset import CENTROID, PoseDataset
from sleap_rtc.worker.reference_trainer.pose_model import Parameters
from sleap_rtc.worker.reference_trainer.prediction import places_in
from sleap_rtc.worker.reference_trainer.run_directory import SAMPLES, RunDirectory
from sleap_rtc.worker.reference_trainer.slp_package import read_image, read_skeleton


class Run:
    """The state of a run that commands may see and change.

    Args:
        directory: Of the run.
        validation: The frames to draw one of where no frame is wished for.
        training: The others.
        learning_rate: To begin with.
        parameters: The model.
    """

    def __init__(
        self,
        directory: RunDirectory,
        validation: PoseDataset,
        training: PoseDataset,
        learning_rate: float,
        parameters: Parameters,
    ) -> None:
        self.rate = learning_rate
        self.parameters = parameters
        self._directory = directory
        self._sets: Final = (validation, training)

    def learning_rate(self) -> float:
        """The one of the next step."""
        return self.rate

    def set_learning_rate(self, value: float) -> str:
        """Changes it; there is no schedule that could change it again."""
        self.rate = value
        return ""

    def sample(self, moment: Moment, frame: int | None) -> Sampled:
        """Draws a frame, the first of those held out where none is wished for.

        Raises:
            Refusal: There is no such frame, or its picture cannot be made.
        """
        frames, row = self._find(frame)
        source = frames.sources[row]
        name = sample_name(moment, source.frame_index)
        try:
            image = read_image(source.path, source.video, source.frame_index)
            edges = read_skeleton(source.path).edges if frames.maps != (CENTROID,) else ()
            found = places_in(self.parameters, image)[None]
            title = sample_title(moment, source.frame_index)
            picture, error_px = draw(image, found, frames.places[row][None], frames.maps, edges, title)
            self._directory.save_sample(name, picture)
        except TrainerError as error:
            raise Refusal(f"Frame {source.frame_index} could not be drawn: {error}") from error
        return Sampled(self._directory.path / SAMPLES / name, source.frame_index, error_px)

    def _find(self, frame: int | None) -> tuple[PoseDataset, int]:
        if frame is None:
            return self._sets[0], 0
        for frames in self._sets:
            for row, source in enumerate(frames.sources):
                if source.frame_index == frame:
                    return frames, row
        raise no_such_frame(frame, [source.frame_index for source in self._sets[0].sources])
