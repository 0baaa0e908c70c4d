"""Adapter: unpacks a training package safely and reads what it asks for.

The layout is that of the existing tool: `X.zip` holds one folder with `train-script.sh`, the configurations
and the `.pkg.slp`. The script is read, never run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from sleap_rtc.storage.safe_zip import ArchiveRefused, unpack_zip
from sleap_rtc.storage.training_config import MODEL_TYPES
from sleap_rtc.worker.errors import PackageRefused

SCRIPT = "train-script.sh"
_TRAIN_LINE = re.compile(r"^\s*sleap-(?:nn\s+)?train\s+.*--config-name\s+(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class TrainingPackage:
    """An unpacked package: its folder, and the one configuration that its script names."""

    folder: Path
    config: Path
    model_type: str

    @property
    def run_name(self) -> str:
        """The configuration's name without its ending; the model lies in `models/<run_name>`."""
        return self.config.stem


def unpack(archive: Path, into: Path) -> TrainingPackage:
    """Unpack a training package into an empty folder and read it.

    Raises:
        PackageRefused: it is not a package, or it is not safe to unpack.
        DiskFull: there is no room for it.
    """
    try:
        unpack_zip(archive, into)
    except ArchiveRefused as error:
        raise PackageRefused(why=error.why) from error
    return _read(into)


def _read(folder: Path) -> TrainingPackage:
    scripts = [folder / SCRIPT, *folder.glob(f"*/{SCRIPT}")]
    found = [script for script in scripts if script.is_file()]
    if not found:
        raise PackageRefused(why=f"it has no {SCRIPT}")
    script = found[0]
    names = _TRAIN_LINE.findall(script.read_text(encoding="utf-8", errors="replace"))
    if len(names) != 1:
        raise PackageRefused(why=f"its {SCRIPT} names {len(names)} configurations, and one is supported")
    name = Path(names[0].strip("\"'")).name
    config = script.parent / (name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if not config.is_file():
        raise PackageRefused(why=f"its configuration {config.name} is missing")
    return TrainingPackage(script.parent, config, _model_type(config))


def _model_type(config: Path) -> str:
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
        heads = content["model_config"]["head_configs"]
        named = [kind for kind in MODEL_TYPES if heads.get(kind) is not None]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise PackageRefused(why=f"{config.name} is not a training configuration") from error
    if not named:
        raise PackageRefused(why=f"{config.name} names no kind of model")
    return named[0]
