"""Adapter: draws what a model of sleap-nn says of a frame, by way of what sleap-nn shows during training."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sleap_rtc.worker.engine.sample_picture import draw
from sleap_rtc.worker.engine.steering import Refusal, Sampled, no_such_frame, sample_name, sample_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sleap_rtc.worker.engine.steering import Moment

_POINTS_AXES = 3


def draw_frame(
    module: Any, datasets: Sequence[Any], folder: Path, moment: Moment, frame: int | None
) -> Sampled:
    """Draw a frame, the first of those held out where none is wished for.

    Args:
        module: sleap-nn's Lightning module.
        datasets: sleap-nn's datasets, the one to judge by first.
        folder: of the run.
        moment: when it is drawn.
        frame: its number in the video.

    Raises:
        Refusal: there is no such frame, or its picture cannot be made.
    """
    dataset, row, number = _find(datasets, frame)
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            sample = dataset[row]
            data = module.get_visualization_data(sample)
        predicted, labelled = _points(data.pred_peaks), _points(data.gt_instances)
        names = [str(name) for name in data.node_names or ()][: labelled.shape[1]]
        if len(names) != labelled.shape[1]:
            names = (
                ["centroid"] if labelled.shape[1] == 1 else [f"node {i}" for i in range(labelled.shape[1])]
            )
        shrunk = float(torch.as_tensor(sample.get("eff_scale", 1.0)).flatten()[0]) * float(
            getattr(dataset, "scale", 1.0) or 1.0
        )
        edges = _edges(dataset) if labelled.shape[1] > 1 else ()
        title = sample_title(moment, number)
        picture, error_px = draw(_bytes(data.image), predicted, labelled, names, edges, title, 1 / shrunk)
        path = folder / "samples" / sample_name(moment, number)
        _write(path, picture)
    except Exception as error:  # whatever a kind of model or version of sleap-nn has in store
        why = f"{type(error).__name__}: {error}"
        raise Refusal(f"Frame {number} could not be drawn with {type(module).__name__} ({why}).") from error
    finally:
        module.train(training)
    return Sampled(path, number, error_px)


def _find(datasets: Sequence[Any], frame: int | None) -> tuple[Any, int, int]:
    for dataset in datasets:
        numbers = _frames(dataset)
        if frame is None and numbers:
            return dataset, 0, numbers[0]
        if frame in numbers:
            return dataset, numbers.index(frame), frame
    raise no_such_frame(frame if frame is not None else 0, _frames(datasets[0]))


def _frames(dataset: Any) -> list[int]:
    """Return the number of each item's frame in its video, without loading an image where that can be had."""
    for name in ("instance_idx_list", "lf_idx_list"):
        rows = getattr(dataset, name, None)
        if rows and len(rows) == len(dataset):
            return [int(row["frame_idx"]) for row in rows]
    return [int(dataset[row]["frame_idx"]) for row in range(len(dataset))]


def _points(values: Any) -> NDArray[np.float64]:
    """Bring points into the shape (animals, nodes, 2), without animals that have none."""
    points = np.asarray(values, np.float64)
    while points.ndim > _POINTS_AXES:
        points = points[0]
    if points.ndim < _POINTS_AXES:
        points = points[None]
    return points[np.isfinite(points).any(axis=(1, 2))]


def _edges(dataset: Any) -> tuple[tuple[int, int], ...]:
    for labels in getattr(dataset, "labels_list", None) or getattr(dataset, "labels", None) or ():
        return tuple((int(start), int(end)) for start, end in labels.skeletons[0].edge_inds)
    return ()


def _bytes(image: Any) -> NDArray[np.uint8]:
    pixels = np.asarray(image, np.float64)
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        pixels = (pixels - low) / max(high - low, 1e-9)
    return (pixels * 255).round().astype(np.uint8)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
