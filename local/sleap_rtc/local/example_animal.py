"""Pure: pictures of a made-up animal with a head, a body and a tail, and where these are in them.

The camera is fixed over bedding and looks straight down; each shot shows the animal somewhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey: TypeAlias = NDArray[np.float32]
Points: TypeAlias = NDArray[np.float64]

NODES: Final = ("head", "body", "tail")
EDGES: Final = ((0, 1), (1, 2))
NOISE_DEVIATION: Final = 16.0
"""Grey levels; about 6 bits a pixel that no compression takes away."""


@dataclass(frozen=True)
class Shot:
    """One labelled frame.

    Attributes:
        pixels: ``(size, size)`` grey levels.
        pose: ``(3, 2)`` x and y of NODES in pixels, from the centre of the top left one.
    """

    pixels: NDArray[np.uint8]
    pose: Points


def film(frames: int, size: int, seed: int) -> Iterator[Shot]:
    """Takes shots of ``size`` x ``size`` pixels; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    background = _background(rng, size)
    for _ in range(frames):
        pose = _pose(rng, size)
        picture = background.copy()
        _draw(picture, pose)
        picture += rng.standard_normal(picture.shape, np.float32) * np.float32(NOISE_DEVIATION)
        yield Shot(np.clip(picture, 0, 255).astype(np.uint8), pose)


def _background(rng: np.random.Generator, size: int) -> Grey:
    """Bedding: blotches of several sizes, the same in every frame as under a fixed camera."""
    texture = np.full((size, size), 85, np.float32)
    for cells, contrast in ((4, 12.0), (16, 10.0), (48, 8.0)):
        coarse = rng.normal(0, contrast, (cells, cells)).astype(np.float32)
        texture += np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))
    return texture


def _pose(rng: np.random.Generator, size: int) -> Points:
    """Head, body and tail tip of an animal that bends at the body, well inside the frame."""
    body = rng.uniform(0.25, 0.75, 2) * size
    heading = rng.uniform(0, 2 * np.pi)
    turns = heading + np.array([rng.uniform(-0.5, 0.5), np.pi + rng.uniform(-0.7, 0.7)])
    reach = np.array([0.11, 0.15]) * size * rng.uniform(0.9, 1.1)
    head, tail = body + reach[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return np.stack([head, body, tail])


def _draw(picture: Grey, pose: Points) -> None:
    """Adds a light body, a lighter head and a thin tail to the picture, in place."""
    size = picture.shape[0]
    head, body, tail = pose
    margin = 0.1 * size
    left, top = np.maximum(pose.min(axis=0) - margin, 0).astype(int)
    right, bottom = np.minimum(pose.max(axis=0) + margin + 1, size).astype(int)
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)

    def distance(start: Points, end: Points) -> tuple[Grey, Grey]:
        """From the line between two points, and how far along it, 0 to 1."""
        along_x, along_y = (end - start).tolist()
        from_x, from_y = columns - np.float32(start[0]), rows - np.float32(start[1])
        along = np.clip((from_x * along_x + from_y * along_y) / (along_x**2 + along_y**2), 0, 1)
        return np.hypot(from_x - along * along_x, from_y - along * along_y), along

    def blend(shape: Grey, level: float) -> None:
        window = picture[top:bottom, left:right]
        window += np.clip(shape, 0, 1) * (level - window)

    away, along = distance(body, tail)
    blend(0.5 + (0.030 - 0.022 * along) * size - away, 150)
    trunk = (head - body) * 0.75
    away, _ = distance(body - trunk * 0.6, body + trunk)
    blend(0.5 + 0.045 * size - away, 175)
    blend(0.5 + 0.034 * size - np.hypot(columns - head[0], rows - head[1]).astype(np.float32), 235)
