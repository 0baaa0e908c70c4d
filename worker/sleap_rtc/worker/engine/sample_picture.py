"""Pure: draws a frame with what a model says of it, what its labels say, and how far they are apart."""

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE_PX: Final = 720
"""The longer side of the frame in the picture, at least; larger frames keep their size up to twice that."""
LEGEND_PX: Final = 250
_MARGIN: Final = 16
_LINE: Final = 26
_BACKGROUND: Final = (24, 26, 31)
_TEXT: Final = (235, 235, 235)
_FAINT: Final = (150, 155, 165)
COLOURS: Final = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Okabe and Ito 2008, which people with colour blindness can tell apart; without black."""


def draw(
    image: NDArray[np.uint8],
    predicted: NDArray[np.float64],
    labelled: NDArray[np.float64],
    names: Sequence[str],
    edges: Sequence[tuple[int, int]],
    title: str,
    pixels: float = 1.0,
) -> tuple[bytes, float]:
    """Returns the picture as PNG, and the mean distance between labels and predictions in pixels.

    Args:
        image: ``(height, width)`` or ``(height, width, 1 | 3)`` bytes.
        predicted: ``(animals, nodes, 2)`` x and y in pixels of the image, NaN for a node that was not found.
        labelled: Likewise, NaN where a label is missing.
        names: Of the nodes.
        edges: Pairs of nodes to join.
        title: A line above the legend.
        pixels: How many pixels of the video make one of the image.
    """
    frame, factor = _enlarged(image)
    height = max(frame.height, _MARGIN * 2 + _LINE * (len(names) + 6))
    picture = Image.new("RGB", (frame.width + LEGEND_PX, height), _BACKGROUND)
    picture.paste(frame, (0, 0))
    canvas = ImageDraw.Draw(picture)
    found, wanted = ((places + 0.5) * factor for places in (predicted, labelled))
    for animal in found:
        for start, end in edges:
            _join(canvas, animal[start], animal[end], (255, 255, 255), 2)
    partner = _partners(predicted, labelled)
    for row, animal in enumerate(wanted):
        for node, there in enumerate(animal):
            if np.isfinite(there).all():
                if partner[row] is not None:
                    _join(canvas, found[partner[row], node], there, _colour(node), 1)
                canvas.ellipse(_around(there, 9), outline=(0, 0, 0), width=4)
                canvas.ellipse(_around(there, 8), outline=_colour(node), width=2)
    for animal in found:
        for node, here in enumerate(animal):
            if np.isfinite(here).all():
                canvas.ellipse(_around(here, 5), fill=_colour(node), outline=(255, 255, 255), width=1)
    errors = _errors(predicted, labelled, partner) * pixels
    _legend(canvas, frame.width + _MARGIN, errors, names, title)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue(), _mean(errors)


def _partners(predicted: NDArray[np.float64], labelled: NDArray[np.float64]) -> list[int | None]:
    """For each labelled animal the predicted one that is nearest."""
    partners: list[int | None] = []
    for animal in labelled:
        distances = [_mean(np.linalg.norm(other - animal, axis=1)) for other in predicted]
        finite = [index for index, distance in enumerate(distances) if np.isfinite(distance)]
        partners.append(min(finite, key=lambda index: distances[index], default=None))
    return partners


def _errors(
    predicted: NDArray[np.float64], labelled: NDArray[np.float64], partners: Sequence[int | None]
) -> NDArray[np.float64]:
    """Per node the mean distance over the animals, NaN where nothing can be compared."""
    pairs = [(predicted[other], labelled[row]) for row, other in enumerate(partners) if other is not None]
    distances = np.array([np.linalg.norm(there - here, axis=1) for here, there in pairs])
    nodes = labelled.shape[1]
    return np.array([_mean(distances[:, node]) if pairs else np.nan for node in range(nodes)])


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _colour(node: int) -> tuple[int, int, int]:
    return COLOURS[node % len(COLOURS)]


def _enlarged(image: NDArray[np.uint8]) -> tuple[Image.Image, float]:
    flat = image[..., 0] if image.shape[2:] == (1,) else image
    frame = Image.fromarray(flat).convert("RGB")
    longest = max(frame.size)
    factor = min(max(SIDE_PX, longest), 2 * SIDE_PX) / longest
    width, height = (max(1, round(side * factor)) for side in frame.size)
    return frame.resize((width, height), Image.Resampling.BICUBIC), factor


def _around(place: NDArray[np.float64], radius: float) -> tuple[float, float, float, float]:
    x, y = float(place[0]), float(place[1])
    return x - radius, y - radius, x + radius, y + radius


def _join(
    canvas: ImageDraw.ImageDraw,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    if np.isfinite(start).all() and np.isfinite(end).all():
        canvas.line([tuple(map(float, start)), tuple(map(float, end))], fill=colour, width=width)


def _legend(
    canvas: ImageDraw.ImageDraw,
    left: int,
    errors: NDArray[np.float64],
    names: Sequence[str],
    title: str,
) -> None:
    large, small = ImageFont.load_default(16), ImageFont.load_default(14)
    right = left + LEGEND_PX - 2 * _MARGIN
    canvas.text((left, _MARGIN), title, _TEXT, large)
    y = _MARGIN + _LINE + _LINE // 2
    for node, (name, error) in enumerate(zip(names, errors, strict=True)):
        canvas.ellipse(_around(np.array([left + 7, y + 9]), 6), fill=_colour(node))
        canvas.text((left + 22, y), _fitting(name, small, right - left - 96), _TEXT, small)
        told = f"{error:.1f} px" if np.isfinite(error) else "-"
        canvas.text((right, y), told, _FAINT, small, anchor="ra")
        y += _LINE
    mean = f"{_mean(errors):.1f} px" if np.isfinite(errors).any() else "-"
    canvas.line([(left, y + 2), (right, y + 2)], fill=_FAINT)
    canvas.text((left, y + 10), "mean error", _TEXT, small)
    canvas.text((right, y + 10), mean, _TEXT, small, anchor="ra")
    y += 2 * _LINE
    canvas.ellipse(_around(np.array([left + 7, y + 9]), 5), fill=_TEXT)
    canvas.text((left + 22, y), "predicted", _FAINT, small)
    y += _LINE
    canvas.ellipse(_around(np.array([left + 7, y + 9]), 7), outline=_TEXT, width=2)
    canvas.text((left + 22, y), "labelled", _FAINT, small)


def _fitting(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(f"{name}...") > width:
        name = name[:-1]
    return f"{name}..."
