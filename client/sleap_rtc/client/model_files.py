"""Adapter: deletes a model's files, and never anything else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.client.registry_errors import ModelFilesKeptError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.client.model_entry import Entry


def delete_model_files(models_dir: Path, model_id: str, models: Mapping[str, Entry]) -> None:
    """Delete the ``local_path`` of a model: a directory with all that is in it, a link alone.

    Raises:
        ModelFilesKeptError: It is outside ``models_dir``, holds files of another of the ``models``, is no
            directory, or could not be deleted.
    """
    if local_path := models[model_id].get("local_path"):
        others = {i: entry["local_path"] for i, entry in models.items() if entry.get("local_path")}
        del others[model_id]
        try:
            _delete(models_dir, local_path, others)
        except (OSError, ValueError) as error:
            raise ModelFilesKeptError(model_id=model_id, path=local_path, reason=str(error)) from error


def _delete(models_dir: Path, local_path: str, others: Mapping[str, str]) -> None:
    place = _place(local_path)
    if place is None or place.name == ".." or models_dir.resolve() not in place.parents:
        raise ValueError(f"that is outside {models_dir}")
    for other_id, other_path in others.items():
        other = _place(other_path)
        if other is not None and (place.is_relative_to(other) or other.is_relative_to(place)):
            raise ValueError(f"files of model {other_id} are there too")
    if place.is_symlink():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    elif place.exists():
        raise ValueError("that is not a directory")


def _place(local_path: str) -> Path | None:
    """Return where an entry's files are, every link on the way followed but the last."""
    try:
        path = Path(str(local_path)).expanduser().absolute()
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError):
        return None
