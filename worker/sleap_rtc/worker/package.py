"""Adapter: unpacks a training package safely and reads what it asks for.

The layout is that of the existing tool: `X.zip` holds one folder with `train-script.sh`, the configurations
and the `.pkg.slp`. The script is read, never run. Nothing is written before every entry has been checked:
names that leave the folder, links, devices, names that collide on other systems, and bombs are refused.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import yaml

from sleap_rtc.storage.errors import DiskFull
from sleap_rtc.storage.training_config import MODEL_TYPES
from sleap_rtc.worker.errors import PackageRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = "train-script.sh"
MOST_ENTRIES = 10_000
MOST_BYTES = 1 << 40
MOST_RATIO = 200
_RATIO_COUNTS_FROM = 64 * 1024 * 1024
_TRAIN_LINE = re.compile(r"^\s*sleap-(?:nn\s+)?train\s+.*--config-name\s+(\S+)", re.MULTILINE)
_WINDOWS_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$")


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
        with zipfile.ZipFile(archive) as package:
            entries = package.infolist()
            _check(entries)
            needed = sum(entry.file_size for entry in entries)
            free = shutil.disk_usage(into).free
            if needed > free:
                raise DiskFull(path=into, needed_bytes=needed, free_bytes=free)
            for entry in entries:
                package.extract(entry, into)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise PackageRefused(why=f"it is not a zip file that can be read ({error})") from error
    return _read(into)


def _check(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise PackageRefused(why=f"it has {len(entries):,} entries, more than {MOST_ENTRIES:,}")
    seen: set[str] = set()
    for entry in entries:
        _check_name(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise PackageRefused(why=f"{entry.filename!r} is a link or a device")
        folded = entry.filename.rstrip("/").casefold()
        if folded in seen:
            raise PackageRefused(why=f"two entries are called {entry.filename!r} on some systems")
        seen.add(folded)
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if size > MOST_BYTES or (size > _RATIO_COUNTS_FROM and size > MOST_RATIO * max(packed, 1)):
        raise PackageRefused(why=f"it would unpack to {size:,} bytes from {packed:,}")


def _check_name(name: str) -> None:
    steps = PurePosixPath(name).parts
    unsafe = (
        not steps
        or ".." in steps
        or name.startswith("/")
        or "\\" in name
        or bool(PureWindowsPath(name).drive)
        or any(ord(letter) < ord(" ") for letter in name)
        or any(_WINDOWS_DEVICE.match(step) for step in steps)
    )
    if unsafe:
        raise PackageRefused(why=f"the entry name {name!r} is not safe")


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
