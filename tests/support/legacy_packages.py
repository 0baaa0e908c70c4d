"""Packages as clients of the existing tool send them, small enough to be trained in a second."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import yaml

from sleap_rtc.local.example_package import CONFIG_NAME, make_example_package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

JOB = "single_instance"
FOR_EVER = 1_000_000


def training_package(
    path: Path, jobs: Sequence[str] = (JOB,), epochs: int = 1, damaged: Sequence[str] = ()
) -> Path:
    """Write a package.

    Args:
        path: where to.
        jobs: the names of its configurations, in their order.
        epochs: how many each takes.
        damaged: those whose labels are not there.
    """
    make_example_package(path, frames=4, size=32)
    with zipfile.ZipFile(path) as archive:
        content = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    config = yaml.safe_load(content.pop(CONFIG_NAME))
    config["trainer_config"].update({"max_epochs": epochs, "min_train_steps_per_epoch": 1})
    lines = [f"sleap-nn train --config-name {job}.yaml --config-dir .\n" for job in jobs]
    content["train-script.sh"] = "".join(["#!/bin/bash\n", *lines]).encode()
    for job in jobs:
        labels = "missing.pkg.slp" if job in damaged else f"{path.stem}.pkg.slp"
        data = {**config["data_config"], "train_labels_path": [labels]}
        content[f"{job}.yaml"] = yaml.safe_dump({**config, "data_config": data}).encode()
    return write_zip(path, {f"{path.stem}/{name}": data for name, data in content.items()})


def write_zip(path: Path, content: Mapping[str, bytes | str]) -> Path:
    """Write a zip file with these entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path
