"""Adapter: writes an example training package, a real SLEAP package of a made-up animal.

    <stem>.zip
    └── <stem>/
        ├── train-script.sh        one line: sleap-nn train --config-name single_instance.yaml ...
        ├── single_instance.yaml   a sleap-nn config, which the reference trainer reads, too
        └── <stem>.pkg.slp         labels and embedded PNG frames, in the layout that sleap-io reads

The frames carry camera noise, which no compression takes away, so the package has the size of a real one and
goes up in several parts. The same arguments give the same bytes (with the same zlib).
"""

import io
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from sleap_rtc.local.example_animal import EDGES, NODES, Shot, film
from sleap_rtc.worker.reference_trainer.slp_tables import (
    FRAME,
    INSTANCE,
    POINT,
    PREDICTED_POINT,
    SLP_FORMAT,
)

CONFIG_NAME: Final = "single_instance.yaml"
SCRIPT: Final = f"#!/bin/bash\nsleap-nn train --config-name {CONFIG_NAME} --config-dir .\n"
DEFAULT_FRAMES: Final = 200
DEFAULT_SIZE_PX: Final = 384
MIN_SIZE_PX: Final = 32

ZIP_TIME: Final = (2025, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ExamplePackage:
    """An example package on disk.

    Attributes:
        path: The zip file.
        size_bytes: Of the zip file.
        frames: How many labelled frames it has.
        size_px: Height and width of a frame.
        nodes: The names of the skeleton's nodes.
        config_name: The config that its train script trains.
    """

    path: Path
    size_bytes: int
    frames: int
    size_px: int
    nodes: tuple[str, ...]
    config_name: str


def make_example_package(
    path: Path, *, frames: int = DEFAULT_FRAMES, size: int = DEFAULT_SIZE_PX, seed: int = 0
) -> ExamplePackage:
    """Writes the package, whole or not at all; about 23 MiB in two seconds with the defaults.

    Args:
        path: Where to write it; the name must end in ``.zip``, its stem names all that is inside.
        frames: How many labelled frames, at least 1.
        size: Height and width of a frame in pixels, at least 32.
        seed: Of the poses, the background and the noise.

    Raises:
        ValueError: An argument out of range.
        OSError: The disk does not take it.
    """
    if path.suffix != ".zip":
        raise ValueError(f"{path} does not end in .zip")
    if frames < 1 or size < MIN_SIZE_PX:
        raise ValueError(f"an example package has 1 frame or more of {MIN_SIZE_PX} pixels or more")
    stem = path.stem
    config = yaml.safe_dump(_config(f"{stem}.pkg.slp"), sort_keys=False)
    members = {
        "train-script.sh": SCRIPT.encode(),
        CONFIG_NAME: config.encode(),
        f"{stem}.pkg.slp": _slp(film(frames, size, seed), size),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                member = zipfile.ZipInfo(f"{stem}/{name}", ZIP_TIME)
                member.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
                archive.writestr(member, content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return ExamplePackage(path, path.stat().st_size, frames, size, NODES, CONFIG_NAME)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _slp(shots: Iterable[Shot], size: int) -> bytes:
    """The labels and frames as a SLEAP package file, as sleap-io lays it out."""
    encoded = [(_png(shot.pixels), shot.pose) for shot in shots]
    images, labels = [image for image, _ in encoded], np.stack([pose for _, pose in encoded])
    count, nodes = len(images), len(NODES)
    source = {
        "filename": "example.mp4",
        "backend": {"type": "MediaVideo", "shape": [count, size, size, 1], "filename": "example.mp4"}
        | {"grayscale": True, "bgr": True, "dataset": "", "input_format": ""},
    }
    embedded = {
        "filename": ".",
        "backend": {"type": "HDF5Video", "shape": [count, size, size, 1], "filename": "."}
        | {"dataset": "video0/video", "input_format": "channels_last", "convert_range": False}
        | {"has_embedded_images": True, "grayscale": True},
        "source_video": source,
    }
    points = np.empty(count * nodes, POINT)
    points["x"], points["y"] = labels.reshape(-1, 2).T
    points["visible"] = points["complete"] = True
    number = np.arange(count)
    frames = np.zeros(count, FRAME)
    frames["frame_id"] = frames["frame_idx"] = frames["instance_id_start"] = number
    frames["instance_id_end"] = number + 1
    instances = np.zeros(count, INSTANCE)
    instances["instance_id"] = instances["frame_id"] = number
    instances["track"] = instances["from_predicted"] = -1
    instances["point_id_start"], instances["point_id_end"] = number * nodes, (number + 1) * nodes
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        metadata = file.create_group("metadata")
        metadata.attrs["format_id"] = SLP_FORMAT
        metadata.attrs["json"] = np.bytes_(json.dumps(_metadata()).encode())
        text = h5py.string_dtype()
        file.create_dataset("videos_json", data=[json.dumps(embedded)], dtype=text, maxshape=(None,))
        for empty in ("tracks_json", "suggestions_json"):
            file.create_dataset(empty, shape=(0,), dtype=text, maxshape=(None,))
        tables = {"points": points, "pred_points": np.empty(0, PREDICTED_POINT)}
        for name, table in {**tables, "instances": instances, "frames": frames}.items():
            file.create_dataset(name, data=table)
        stored = np.zeros((count, max(map(len, images))), np.int8)
        for row, image in zip(stored, images, strict=True):
            row[: len(image)] = np.frombuffer(image, np.int8)
        video = file.create_dataset("video0/video", data=stored)
        video.attrs.update({"format": "png", "channel_order": "RGB"})
        video.attrs.update({"frames": count, "height": size, "width": size, "channels": 1})
        file.create_dataset("video0/frame_numbers", data=number)
        file.create_group("video0/source_video").attrs["json"] = json.dumps(source)
    return buffer.getvalue()


def _metadata() -> dict[str, Any]:
    """Nodes and skeleton as SLEAP writes them: jsonpickle of a networkx graph."""
    first = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [1]}]}
    links = [
        {"edge_insert_idx": index, "key": 0, "source": start, "target": end}
        | {"type": first if index == 0 else {"py/id": 1}}
        for index, (start, end) in enumerate(EDGES)
    ]
    skeleton = {
        "directed": True,
        "graph": {"name": "example animal", "num_edges_inserted": len(EDGES)},
        "links": links,
        "multigraph": True,
        "nodes": [{"id": index} for index in range(len(NODES))],
    }
    return {
        "version": "2.0.0",
        "skeletons": [skeleton],
        "nodes": [{"name": name, "weight": 1.0} for name in NODES],
        "videos": [],
        "tracks": [],
        "suggestions": [],
        "negative_anchors": {},
        "provenance": {},
    }


def _config(labels: str) -> dict[str, Any]:
    """A single-instance config with the fields of sleap-nn's ``TrainingJobConfig``."""
    heads = ("centroid", "centered_instance", "bottomup", "multi_class_bottomup", "multi_class_topdown")
    return {
        "data_config": {
            "train_labels_path": [labels],
            "val_labels_path": None,
            "validation_fraction": 0.1,
            "provider": "LabelsReader",
            "user_instances_only": True,
            "data_pipeline_fw": "torch_dataset",
            "preprocessing": {"ensure_rgb": False, "ensure_grayscale": True, "scale": 0.5},
            "use_augmentations_train": True,
            "augmentation_config": {
                "geometric": {"rotation_min": -180.0, "rotation_max": 180.0, "rotation_p": 1.0}
            },
        },
        "model_config": {
            "init_weights": "default",
            "backbone_config": {
                "unet": {"in_channels": 1, "filters": 16, "filters_rate": 1.5, "max_stride": 16}
                | {"output_stride": 2}
            },
            "head_configs": {
                "single_instance": {
                    "confmaps": {"part_names": list(NODES), "sigma": 5.0, "output_stride": 2}
                },
                **dict.fromkeys(heads),
            },
        },
        "trainer_config": {
            "train_data_loader": {"batch_size": 8, "shuffle": True, "num_workers": 0},
            "val_data_loader": {"batch_size": 8, "shuffle": False, "num_workers": 0},
            "model_ckpt": {"save_top_k": 1, "save_last": True},
            "trainer_accelerator": "auto",
            "min_train_steps_per_epoch": 25,
            "max_epochs": 20,
            "seed": 42,
            "use_wandb": False,
            "save_ckpt": True,
            "ckpt_dir": "models",
            "run_name": None,
            "resume_ckpt_path": None,
            "optimizer_name": "Adam",
            "optimizer": {"lr": 0.002, "amsgrad": False},
            "early_stopping": {"stop_training_on_plateau": False},
        },
    }
