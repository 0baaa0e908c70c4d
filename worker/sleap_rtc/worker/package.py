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
    """An unpacked package: its folder, and a configuration that its script names."""

    folder: Path
    config: Path
    model_type: str

    @property
    def run_name(self) -> str:
        """The configuration's name without its ending; the model lies in `models/<run_name>`."""
        return self.config.stem


def unpack(archive: Path, into: Path) -> tuple[TrainingPackage, ...]:
    """Unpack a training package into an empty folder and read what is to be trained, in its order.

    Raises:
        PackageRefused: it is not a package, or it is not safe to unpack.
        DiskFull: there is no room for it.
    """
    extract(archive, into)
    packages = read_packages(into)
    if twice := [package.config.name for package in packages if packages.count(package) > 1]:
        raise PackageRefused(
            why=f"its {SCRIPT} names {twice[0]} twice, and one model would replace the other"
        )
    return packages


def extract(archive: Path, into: Path) -> None:
    """Unpack a package into an empty folder, whatever it asks for.

    Raises:
        PackageRefused: it is not safe to unpack.
        DiskFull: there is no room for it.
    """
    try:
        unpack_zip(archive, into)
    except ArchiveRefused as error:
        raise PackageRefused(why=error.why) from error


def read_packages(folder: Path) -> tuple[TrainingPackage, ...]:
    """Read what is to be trained, in the order of the script: one configuration at least.

    Raises:
        PackageRefused: there is no script, or it names no configuration that is there.
    """
    script = find_script(folder, SCRIPT)
    names = _TRAIN_LINE.findall(script.read_text(encoding="utf-8", errors="replace"))
    if not names:
        raise PackageRefused(why=f"its {SCRIPT} names no configuration")
    configs = [_config(script.parent, name) for name in names]
    return tuple(TrainingPackage(script.parent, config, _model_type(config)) for config in configs)


def find_script(folder: Path, name: str) -> Path:
    """Return where a script lies: in the folder itself, or in one right below it.

    Raises:
        PackageRefused: nowhere.
    """
    found = [script for script in (folder / name, *sorted(folder.glob(f"*/{name}"))) if script.is_file()]
    if not found:
        raise PackageRefused(why=f"it has no {name}")
    return found[0]


def _config(folder: Path, named: str) -> Path:
    name = Path(named.strip("\"'")).name
    config = folder / (name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if not config.is_file():
        raise PackageRefused(why=f"its configuration {config.name} is missing")
    return config


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
