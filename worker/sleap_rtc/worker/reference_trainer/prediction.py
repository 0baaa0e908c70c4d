"""Orchestration: finds the nodes of a model in an image, to try out a model that came back from a worker."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sleap_rtc.worker.reference_trainer.confidence_maps import certainty, locate
from sleap_rtc.worker.reference_trainer.errors import CheckpointUnreadable
from sleap_rtc.worker.reference_trainer.pose_model import Parameters, forward
from sleap_rtc.worker.reference_trainer.run_directory import read_checkpoint
from sleap_rtc.worker.reference_trainer.working_image import normalise, shrink, stack, to_pixels


def predict(checkpoint: Path, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Finds every node of the model in one image.

    Args:
        checkpoint: A ``best.ckpt`` or ``last.ckpt`` of the reference trainer.
        image: ``(height, width)`` or ``(height, width, 1 | 3)`` bytes.

    Returns:
        ``(nodes, 2)``: x and y in pixels of the image, in the order of the skeleton.

    Raises:
        CheckpointUnreadable: No such file, or not a checkpoint.
        ValueError: The array is no image.
    """
    model = read_checkpoint(checkpoint)
    shrink(image)
    try:
        return places_in(model.parameters, image)
    except (KeyError, ValueError) as error:
        raise CheckpointUnreadable(checkpoint, "its layers are not those of this version") from error


def places_in(parameters: Parameters, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Finds every node in one image; see ``predict``.

    Raises:
        KeyError, ValueError: The parameters are of another model, or the array is no image.
    """
    return pose_in(parameters, image).places


@dataclass(frozen=True)
class Pose:
    """What a model says of an image.

    Attributes:
        places: ``(nodes, 2)`` x and y in pixels of the image.
        scores: ``(nodes,)`` how sure it is of each, from 0 to 1.
    """

    places: NDArray[np.float64]
    scores: NDArray[np.float64]


def pose_in(parameters: Parameters, image: NDArray[np.uint8]) -> Pose:
    """Finds every node in one image, and says how sure that is.

    Raises:
        KeyError, ValueError: The parameters are of another model, or the array is no image.
    """
    working = shrink(image)
    scores = forward(parameters, normalise(stack([working.pixels])))[0]
    places: NDArray[np.float64] = to_pixels(locate(scores), np.array(working.scale))[0]
    return Pose(places, certainty(scores)[0])
