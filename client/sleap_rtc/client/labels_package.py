"""Adapter: makes a training package of a `.pkg.slp` and the configurations that are to be trained with it.

    <stem>.zip
    └── <stem>/
        ├── train-script.sh     one line for each configuration
        ├── labels.pkg.slp
        └── <name>.yaml         each, told where the labels are

It is the layout of the existing tool. The same files give the same bytes in the same place, so an upload that
was cut goes on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zipfile
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.errors import DiskFull, FileMissing, InputError
from sleap_rtc.storage.training_config import MODEL_TYPES, model_type_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LABELS = "labels.pkg.slp"
_KEPT_FOR_S = 7 * 86_400
"""As long as an upload can be gone on with."""
_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)


class ConfigUnusable(InputError):
    """{path} is no training configuration: {why}. SLEAP's training dialog saves one."""

    path: Path
    why: str


def package_of(path: Path, configs: Sequence[Path], folder: Path) -> Path:
    """Return the package to send: `path` itself, or what is made of it and its configurations.

    Args:
        path: a package, or a `.slp` with its frames embedded.
        configs: of the models, in any order: a centroid is trained before the others.
        folder: where packages are made; those that nobody sends any more are removed.

    Raises:
        InputError: the two do not go together, or a configuration is none.
        DiskFull: there is no room for the package.
    """
    is_labels = path.suffix == ".slp"
    if not is_labels and not configs:
        return path
    if not is_labels:
        raise InputError(
            message=f"--config goes with a .pkg.slp; {path} has its configurations in it already."
        )
    if not configs:
        raise InputError(
            message=f"{path} says what is labelled and not what is to be trained. Name the configuration of "
            "each model with --config, such as --config centroid.yaml --config centered_instance.yaml."
        )
    if not path.is_file():
        raise FileMissing(path=path)
    members = _members(configs)
    target = folder / _key(path, members) / f"{path.name.removesuffix('.slp').removesuffix('.pkg')}.zip"
    _prune(folder)
    if not target.exists():
        _write(target, path, members)
    os.utime(target.parent)
    return target


def _members(configs: Sequence[Path]) -> Mapping[str, bytes]:
    read = sorted((_Config(path) for path in configs), key=lambda config: config.turn)
    names = [config.name for config in read]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(message=f"Two of the configurations are called {twice[0]}. Rename one of them.")
    lines = [f"sleap-nn train --config-name {config.name}.yaml --config-dir .\n" for config in read]
    script = "".join(["#!/bin/bash\n", *lines])
    return {"train-script.sh": script.encode(), **{f"{each.name}.yaml": each.told() for each in read}}


class _Config:
    """One configuration. Raises ConfigUnusable, FileMissing."""

    def __init__(self, path: Path) -> None:
        try:
            import yaml
        except ModuleNotFoundError:
            message = "--config needs pyyaml: pip install pyyaml."
            raise InputError(message=message) from None
        self.name = "".join(char if char.isascii() and char.isalnum() else "_" for char in path.stem)
        try:
            self._content: Any = yaml.safe_load(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise FileMissing(path=path) from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigUnusable(path=path, why=" ".join(str(error).split())[:200]) from error
        kind = model_type_of(self._content) if isinstance(self._content, dict) else None
        if kind is None or not isinstance(self._content.get("data_config", {}), dict):
            raise ConfigUnusable(path=path, why="it names no kind of model")
        self.turn = MODEL_TYPES.index(kind)

    def told(self) -> bytes:
        """Return it with the labels where they will be."""
        import yaml

        places = {"train_labels_path": [LABELS], "val_labels_path": None}
        data = {**self._content.get("data_config", {}), **places}
        return yaml.safe_dump({**self._content, "data_config": data}, sort_keys=False).encode()


def _key(path: Path, members: Mapping[str, bytes]) -> str:
    now = path.stat()
    seen = f"{path.resolve()}\0{now.st_size}\0{now.st_mtime_ns}\0{list(members.items())}"
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _write(target: Path, labels: Path, members: Mapping[str, bytes]) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed, free = labels.stat().st_size, shutil.disk_usage(target.parent).free
    if needed > free:
        raise DiskFull(path=target.parent, needed_bytes=needed, free_bytes=free)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(_entry(target, name), content)
            with (
                labels.open("rb") as read,
                archive.open(_entry(target, LABELS), "w", force_zip64=True) as write,
            ):
                shutil.copyfileobj(read, write, 1024 * 1024)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _entry(target: Path, name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{target.stem}/{name}", _ENTRY_TIME)
    entry.external_attr = 0o644 << 16
    return entry


def _prune(folder: Path) -> None:
    before = time.time() - _KEPT_FOR_S
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.is_dir() and each.stat().st_mtime < before:
            shutil.rmtree(each, ignore_errors=True)
