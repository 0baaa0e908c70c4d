"""Adapter: lays out what an inference needs in a folder of its own.

    inference/
    ├── Meine_M_use.pkg.slp         the dataset; a hard link to the cache where that is possible
    └── models/
        ├── centroid_0a1b2c3d/      the models of the room, in the order in which they were named
        └── centered_instance_…/

A package is unpacked instead; it has its models in it, and a script, which is read and never run.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.worker.package import extract, find_script
from sleap_rtc.worker.track_script import SCRIPT, TrackCommand, read_track_script

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sleap_rtc.events.inference import TrackOptions

MODELS = "models"
_PACKAGE = ".zip"
_MODEL_OPTIONS = frozenset({"-m", "--model_paths"})


@dataclass(frozen=True)
class TrackLayout:
    """A folder, and the commands to be run in it."""

    folder: Path
    commands: tuple[TrackCommand, ...]

    @property
    def models(self) -> tuple[Path, ...]:
        """The folders of the models that the commands name."""
        named: list[str] = []
        for command in self.commands:
            for word, after in zip(command.arguments, [*command.arguments[1:], ""], strict=True):
                option, joined, value = word.partition("=")
                if option in _MODEL_OPTIONS:
                    named.append(value if joined else after)
        return tuple(self.folder / name for name in dict.fromkeys(named))


def is_package(file_name: str) -> bool:
    """Tell whether a dataset has its models and a script in it."""
    return file_name.endswith(_PACKAGE)


def lay_out_package(archive: Path, folder: Path, options: TrackOptions) -> TrackLayout:
    """Unpack a package into an empty folder; the options come after those of its script.

    Raises:
        PackageRefused: it is no package, or not safe to unpack.
    """
    extract(archive, folder)
    script = find_script(folder, SCRIPT)
    commands = read_track_script(script.read_text(encoding="utf-8", errors="replace"))
    return TrackLayout(
        script.parent,
        tuple(TrackCommand((*command.arguments, *options.arguments)) for command in commands),
    )


def lay_out_dataset(
    dataset: Path, file_name: str, folder: Path, models: Sequence[str], options: TrackOptions
) -> TrackLayout:
    """Put a dataset into a folder.

    Args:
        dataset: the file.
        file_name: what its owner calls it.
        folder: an empty one.
        models: the names of the folders in `models/`.
        options: of the inference.

    Raises:
        OSError: the disk does not take it.
    """
    name = plain_name(file_name)
    place = folder / name
    try:
        place.hardlink_to(dataset)
    except OSError:
        shutil.copyfile(dataset, place)
    stem = name.removesuffix(".slp").removesuffix(".pkg")
    arguments = (
        *("--data_path", name),
        *(word for model in models for word in ("--model_paths", f"{MODELS}/{model}")),
        *("-o", f"{stem}.predictions.slp"),
        *options.arguments,
    )
    return TrackLayout(folder, (TrackCommand(arguments),))


def plain_name(name: str) -> str:
    """Return a name that a file of the room can have, as like the given one as that allows."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-100:].lstrip("._-")
    return plain if plain.endswith(".slp") else "data.slp"
