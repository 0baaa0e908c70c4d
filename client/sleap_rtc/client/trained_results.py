"""Adapter: takes the models out of the results of a training, into the local registry.

trained_labels.zip
    centroid/            best.ckpt, training_config.yaml, …        a model for each configuration
    centered_instance/   …

models/centroid_0a1b2c3d4e5f6789/      where each lies then, under the id that its files make
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.client.file_notes import checkpoint_of, notes_of_files, to_entry
from sleap_rtc.client.push import ModelTypeUnknown, model_type_in
from sleap_rtc.storage.model_folder import ModelFolderRefused, YamlMissing, read_model_folder, read_table
from sleap_rtc.storage.plain_values import scalars
from sleap_rtc.storage.safe_zip import unpack_zip
from sleap_rtc.storage.training_config import MODEL_TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.storage.model_folder import ModelFolder

_UNKNOWN_TYPE = "unknown"


@dataclass(frozen=True)
class KeptModel:
    """A model that is in the registry now."""

    model_id: str
    model_type: str
    folder: Path
    size_bytes: int


def keep_models(
    results: Path, registry: ClientModelRegistry, jobs: Collection[str] | None = None
) -> Sequence[KeptModel]:
    """Unpack results and register every model in them.

    Args:
        results: a zip file.
        registry: where the models are entered, and beside which they lie.
        jobs: the configurations whose models are wanted; all if None.

    Raises:
        ArchiveRefused: it is no zip file, or not safe to unpack.
        DiskFull: there is no room for it.
    """
    registry.models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".results-", dir=registry.models_dir) as name:
        unpacked = Path(name)
        unpack_zip(results, unpacked)
        folders = [folder for folder in sorted(unpacked.iterdir()) if folder.is_dir()]
        wanted = [folder for folder in folders if jobs is None or folder.name in jobs]
        return [kept for folder in wanted if (kept := keep_model(folder, registry)) is not None]


def keep_model(folder: Path, registry: ClientModelRegistry, model_type: str = "") -> KeptModel | None:
    """Move a model's folder beside the registry and enter it; None if there is no model in it."""
    try:
        found = read_model_folder(folder)
    except ModelFolderRefused:
        return None
    kind = model_type or _type_of(folder)
    target = registry.models_dir / f"{kind}_{found.model_id}"
    if target.exists() and not target.is_symlink():
        shutil.rmtree(target)  # the same files, perhaps not all of them
    folder.rename(target)
    size_bytes = sum(file.size_bytes for file in found.files)
    _enter(registry, found, kind, target, size_bytes)
    return KeptModel(found.model_id, kind, target, size_bytes)


def _enter(
    registry: ClientModelRegistry, found: ModelFolder, kind: str, target: Path, size_bytes: int
) -> None:
    checkpoint = checkpoint_of(file.name for file in found.files)
    place = {
        "local_path": str(target),
        "checkpoint_path": str(target / checkpoint) if checkpoint else None,
        "size_bytes": size_bytes,
        "files": to_entry(notes_of_files(found.files)),
    }
    if registry.exists(found.model_id):
        registry.update(found.model_id, place)
        return
    metrics = scalars(read_table(target, "metrics.json"))
    entry = {"id": found.model_id, "model_type": kind, "source": "worker-training", **place}
    registry.register({**entry, **({"metrics": metrics} if metrics else {})})


def _type_of(folder: Path) -> str:
    """Return the kind of model that a configuration tells, else the one that the folder is called after."""
    with suppress(ModelTypeUnknown, YamlMissing):
        return model_type_in(folder)
    named = [kind for kind in MODEL_TYPES if kind in folder.name.lower()]
    return max(named, key=len, default=_UNKNOWN_TYPE)
