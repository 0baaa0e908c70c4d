"""Adapter: writes predicted poses as a SLEAP file (``.predictions.slp``, HDF5), in the layout of sleap-io.

Skeleton and videos are those of the dataset; its images stay there, and the videos of the new file name it.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.errors import PackageUnreadable
from sleap_rtc.worker.reference_trainer.prediction import Pose
from sleap_rtc.worker.reference_trainer.run_directory import write_whole
from sleap_rtc.worker.reference_trainer.slp_tables import (
    FRAME,
    INSTANCE,
    POINT,
    PREDICTED_POINT,
    SLP_FORMAT,
)

PREDICTED_INSTANCE: Final = 1
_THIS_FILE: Final = "."


@dataclass(frozen=True)
class PredictedFrame:
    """One frame and the pose that was found in it; NaN for a node that was not."""

    video: int
    frame_index: int
    pose: Pose


def write_predictions(path: Path, dataset: Path, frames: Sequence[PredictedFrame]) -> None:
    """Writes the file, whole or not at all.

    Args:
        path: Where to.
        dataset: What the frames are from.
        frames: At least one, each with every node of the dataset's skeleton.

    Raises:
        PackageUnreadable: The dataset cannot be read any more.
        DiskFull, OutputUnwritable: The file cannot be written.
    """
    try:
        with h5py.File(dataset, "r") as source:
            metadata = json.loads(bytes(source["metadata"].attrs["json"]))
            videos = [_named(json.loads(text), dataset.name) for text in source["videos_json"][:]]
    except (OSError, KeyError, ValueError, TypeError) as fault:
        raise PackageUnreadable(dataset, str(fault)) from fault
    metadata["provenance"] = {"trainer": f"{TRAINER_NAME} {TRAINER_VERSION}", "source_path": dataset.name}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        group = file.create_group("metadata")
        group.attrs["format_id"] = SLP_FORMAT
        group.attrs["json"] = np.bytes_(json.dumps(metadata).encode())
        text = h5py.string_dtype()
        file.create_dataset("videos_json", data=list(map(json.dumps, videos)), dtype=text, maxshape=(None,))
        for empty in ("tracks_json", "suggestions_json"):
            file.create_dataset(empty, shape=(0,), dtype=text, maxshape=(None,))
        for name, table in _tables(frames).items():
            file.create_dataset(name, data=table)
    write_whole(path, buffer.getvalue())


def _named(video: dict[str, Any], dataset: str) -> dict[str, Any]:
    """The entry of a video as a file beside the dataset has to have it."""
    backend = video.get("backend", {})
    if backend.get("filename") == _THIS_FILE:
        video["backend"] = {**backend, "filename": dataset}
    return {**video, "filename": dataset} if video.get("filename") == _THIS_FILE else video


def _tables(frames: Sequence[PredictedFrame]) -> dict[str, Any]:
    count, nodes = len(frames), len(frames[0].pose.scores)
    number = np.arange(count)
    places = np.stack([frame.pose.places for frame in frames])
    scores = np.stack([frame.pose.scores for frame in frames])
    seen = np.isfinite(places).all(axis=2)
    points = np.zeros(count * nodes, PREDICTED_POINT)
    points["x"], points["y"] = places.reshape(-1, 2).T
    points["visible"], points["score"] = seen.ravel(), np.where(seen, scores, 0.0).ravel()
    rows = np.zeros(count, FRAME)
    rows["frame_id"] = rows["instance_id_start"] = number
    rows["instance_id_end"] = number + 1
    rows["video"] = [frame.video for frame in frames]
    rows["frame_idx"] = [frame.frame_index for frame in frames]
    instances = np.zeros(count, INSTANCE)
    instances["instance_id"] = instances["frame_id"] = number
    instances["instance_type"] = PREDICTED_INSTANCE
    instances["track"] = instances["from_predicted"] = -1
    instances["score"] = np.where(seen, scores, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    instances["point_id_start"], instances["point_id_end"] = number * nodes, (number + 1) * nodes
    return {"points": np.zeros(0, POINT), "pred_points": points, "instances": instances, "frames": rows}
