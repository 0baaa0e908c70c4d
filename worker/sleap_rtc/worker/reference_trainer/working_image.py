"""Pure: shrinks a frame to the size that the model works at, and maps places between the two.

SLEAP counts pixels from the centre of the top left one, (0, 0) since format 1.1, and so does this module.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sleap_rtc.worker.reference_trainer.pose_model import MAP_STRIDE, SIZE_MULTIPLE

WORKING_SIZE_PX: Final = 96
"""The longest side of an image that the model sees; smaller frames keep their size."""


@dataclass(frozen=True)
class WorkingImage:
    """A frame at working size.

    Attributes:
        pixels: ``(height, width)`` grey levels.
        scale: Working pixels per original pixel, ``(x, y)``.
    """

    pixels: NDArray[np.uint8]
    scale: tuple[float, float]


def shrink(image: NDArray[np.uint8]) -> WorkingImage:
    """Averages a ``(height, width)`` or ``(height, width, 1 | 3)`` frame down to the working size.

    Raises:
        ValueError: The array is no image.
    """
    flat = image[..., 0] if image.shape[2:] == (1,) else image
    grey = Image.fromarray(flat).convert("L")
    factor = min(1.0, WORKING_SIZE_PX / max(grey.size))
    width, height = (max(1, round(side * factor)) for side in grey.size)
    scale = (width / grey.width, height / grey.height)
    return WorkingImage(np.asarray(grey.resize((width, height), Image.Resampling.BOX)), scale)


def to_cells(places: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Original pixels to cells of the score map; ``scale`` broadcasts against the last axis."""
    return (places + 0.5) * scale / MAP_STRIDE - 0.5


def to_pixels(cells: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cells of the score map to original pixels."""
    return (cells + 0.5) * MAP_STRIDE / scale - 0.5


def stack(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Lays images on one canvas size that the model can take, ``(n, height, width)``.

    The empty margin right and below has the image's mean, so it adds no edge to speak of.
    """
    height, width = (
        -(-max(image.shape[axis] for image in images) // SIZE_MULTIPLE) * SIZE_MULTIPLE for axis in (0, 1)
    )
    canvas = np.empty((len(images), height, width), np.uint8)
    for index, image in enumerate(images):
        canvas[index] = round(float(image.mean()))
        canvas[index, : image.shape[0], : image.shape[1]] = image
    return canvas


def normalise(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey levels ``(n, height, width)`` to the model's input ``(n, height, width, 1)``."""
    values = canvas.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    values /= values.std(axis=(1, 2), keepdims=True) + 1
    return values[..., None]
