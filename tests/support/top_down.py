"""A training package for two models, as SLEAP's top-down pipeline has them."""

from __future__ import annotations

import copy
import zipfile
from typing import TYPE_CHECKING, Any

import yaml

from sleap_rtc.local.example_package import CONFIG_NAME, make_example_package

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("centroid", "centered_instance")


def make_top_down_package(path: Path, *, frames: int = 12, size: int = 64) -> Path:
    """Write a package whose script trains a centroid model and then a centered instance model."""
    single = path.with_name("single.zip")
    make_example_package(single, frames=frames, size=size)
    with zipfile.ZipFile(single) as found, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        members = {name.partition("/")[2]: found.read(name) for name in found.namelist()}
        config = yaml.safe_load(members.pop(CONFIG_NAME))
        members["train-script.sh"] = "".join(
            f"sleap-nn train --config-name {kind}.yaml --config-dir .\n" for kind in KINDS
        ).encode()
        members |= {f"{kind}.yaml": yaml.safe_dump(_config(config, kind)).encode() for kind in KINDS}
        for name, content in members.items():
            made.writestr(f"{path.stem}/{name}", content)
    single.unlink()
    return path


def _config(single: dict[str, Any], kind: str) -> dict[str, Any]:
    config = copy.deepcopy(single)
    heads = config["model_config"]["head_configs"]
    maps = heads["single_instance"]["confmaps"]
    anchored = {name: value for name, value in maps.items() if name != "part_names"} | {"anchor_part": None}
    heads |= {"single_instance": None, kind: {"confmaps": anchored if kind == KINDS[0] else maps}}
    return config
