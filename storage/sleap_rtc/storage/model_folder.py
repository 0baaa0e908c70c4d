"""Adapter: the folder that training leaves, and which of its files are the model.

    run/
    ├── best.ckpt               a checkpoint (.ckpt, .h5, .pt, .pth): one at least
    ├── training_config.yaml    configurations, metrics, logs: .yaml, .yml, .json, .csv
    ├── metrics.json
    ├── last.ckpt               stays here: it is for going on with the training
    ├── model.json              stays here: a room writes its own
    └── anything else           stays here, folders too

One rule for the worker that trained the model and for whoever brings one to a room, so that both come to the
same id.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.checksum import crc64nvme, crc_of_stream, to_text
from sleap_rtc.storage.errors import FileUnreadable, InputError
from sleap_rtc.storage.manifest import ModelFile, model_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_FILES = 64
LARGEST_MODEL_BYTES = 1 << 40
LARGEST_OTHER_BYTES = 256 * 1024 * 1024
"""Of a file that is no checkpoint: what is larger is no configuration, log or table of metrics."""
CHECKPOINTS = (".ckpt", ".h5", ".pt", ".pth")
CONFIG_NAMES = (
    "training_config.yaml",
    "training_config.yml",
    "config.yaml",
    "config.yml",
    "training_config.json",
    "config.json",
    "training_job.json",
)
"""Where the existing tool looks for the training configuration, in this order."""
_GIVEN = ("initial_config.yaml", "initial_config.yml", "initial_config.json")
_OTHERS = (".yaml", ".yml", ".json", ".csv")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEPT_BACK = {"last.ckpt", "model.json"}
_LARGEST_TEXT_BYTES = 4 * 1024 * 1024


class ModelFolderRefused(InputError):
    """{folder} cannot be taken as a model: {why}."""

    folder: Path
    why: str


class YamlMissing(InputError):
    """{path} is YAML, which this installation does not read. Install pyyaml, or say the kind of model with
    --type."""

    path: Path


@dataclass(frozen=True)
class ModelFolder:
    """The files of a model, and what else lies beside them and is no part of it."""

    path: Path
    files: tuple[ModelFile, ...]
    left_out: tuple[str, ...]

    @property
    def model_id(self) -> str:
        """The id that these files make."""
        return model_id_of(self.files)


def read_model_folder(folder: Path) -> ModelFolder:
    """Look at a folder and read all files of its model, for their checksums.

    Raises:
        ModelFolderRefused: there is no model in it, or one that a room would not take.
        FileUnreadable: the disk or the system would not have it.
    """
    paths, left_out = _sorted_out(folder)
    files = tuple(_described(path) for path in paths)
    size_bytes = sum(file.size_bytes for file in files)
    if size_bytes > LARGEST_MODEL_BYTES:
        raise ModelFolderRefused(
            folder=folder, why=f"it has {size_bytes:,} bytes, more than {LARGEST_MODEL_BYTES:,}"
        )
    return ModelFolder(folder, files, tuple(left_out))


def config_of(folder: Path) -> Path | None:
    """Return the training configuration in a folder, as the existing tool would find it."""
    return _first_of(folder, CONFIG_NAMES)


def config_checksum(folder: Path) -> str:
    """Return the CRC64NVME of the configuration that the model was trained with; "" where there is none.

    Trainers keep it as it was given beside the one that they made of it.
    """
    path = _first_of(folder, _GIVEN) or config_of(folder)
    return checksum_of(path) if path else ""


def checksum_of(path: Path) -> str:
    """Return the CRC64NVME of a small file. Raises FileUnreadable."""
    return to_text(crc64nvme(_read(path)))


def read_config(path: Path) -> dict[str, Any]:
    """Return a training configuration; an empty one where the file is none, or is much too large for one.

    Raises:
        YamlMissing: it is YAML, and nothing here reads that.
        FileUnreadable: the disk or the system would not have it.
    """
    if path.stat().st_size > _LARGEST_TEXT_BYTES:
        return {}
    text = _read(path).decode("utf-8", "replace")
    try:
        found = json.loads(text) if path.suffix == ".json" else _yaml(text, path)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_table(folder: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in one of a folder's small files; an empty one where there is none."""
    path = folder / name
    return read_config(path) if path.is_file() and path.suffix == ".json" else {}


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise YamlMissing(path=path) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _sorted_out(folder: Path) -> tuple[Sequence[Path], Sequence[str]]:
    if not folder.is_dir():
        raise ModelFolderRefused(folder=folder, why="it is not a folder")
    paths, left_out = [], []
    for path in sorted(folder.iterdir()):
        if path.suffix in CHECKPOINTS + _OTHERS and _NAME.fullmatch(path.name) and path.is_file():
            if path.name not in _KEPT_BACK:
                paths.append(path)
        else:
            left_out.append(f"{path.name}/" if path.is_dir() else path.name)
    why = _why_not(folder, paths)
    if why:
        raise ModelFolderRefused(folder=folder, why=why)
    return paths, left_out


def _why_not(folder: Path, paths: Sequence[Path]) -> str:
    for path in paths:
        if path.resolve().parent != folder.resolve():
            return f"{path.name} is a link to a file elsewhere; put the file itself into the folder"
        size_bytes = path.stat().st_size
        if path.suffix in _OTHERS and size_bytes > LARGEST_OTHER_BYTES:
            return f"{path.name} has {size_bytes:,} bytes and is no checkpoint; move it out of the folder"
    if not any(path.suffix in CHECKPOINTS for path in paths):
        return _without_checkpoint(folder)
    if len(paths) > MOST_FILES:
        return f"it has {len(paths)} files, more than {MOST_FILES}"
    return ""


def _without_checkpoint(folder: Path) -> str:
    below = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and any(found.suffix in CHECKPOINTS for found in path.glob("*"))
    )
    named = f"; there is one in its folder {below[0]}, which can be" if below else ""
    return f"it has no checkpoint ({', '.join(CHECKPOINTS)}){named}"


def _first_of(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _described(path: Path) -> ModelFile:
    try:
        with path.open("rb") as stream:
            crc, size = crc_of_stream(stream)
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror or str(error)) from error
    return ModelFile(name=path.name, size_bytes=size, checksum=to_text(crc))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror or str(error)) from error
