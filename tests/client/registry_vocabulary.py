"""The words of the registry's tests."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.manifest import Manifest, ManifestModel, ModelStorage, ModelTraining

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.client.room_merge import RoomMerge

GOLDEN = Path(__file__).parent / "golden" / "legacy_manifest.json"
CENTROID, INSTANCE, BOTTOMUP = "a3f5e8c9", "0badcafe", "12345678"
A, B, C = "aaaaaaaa", "bbbbbbbb", "cccccccc"
NOON = datetime(2025, 11, 20, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))


def add(registry: ClientModelRegistry, *model_ids: str, **fields: Any) -> None:
    for model_id in model_ids:
        registry.register({"id": model_id, "model_type": "centroid", **fields})


def with_files(registry: ClientModelRegistry, model_id: str, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "best.ckpt").write_text("weights")
    add(registry, model_id, local_path=str(directory))
    return directory


def in_room(
    model_id: str,
    alias: str | None = None,
    *,
    size_bytes: int = 500,
    model_type: str = "centroid",
    removed: bool = False,
    **metrics: float,
) -> ManifestModel:
    return ManifestModel(
        id=model_id,
        alias=alias,
        model_type=model_type,
        deleted_at=NOON if removed else None,
        storage=ModelStorage(s3_path="s3://rooms/lab/models/", size_bytes=size_bytes),
        training=ModelTraining(
            trained_by="ada", trained_on_worker="gpu-1", trained_at=NOON, dataset_hash="", metrics=metrics
        ),
    )


def room(*models: ManifestModel, room_id: str = "lab", revision: int = 1, **aliases: str) -> Manifest:
    """Return the manifest of a room; `aliases` are those beyond the ones that the models show."""
    shown = {model.alias: model.id for model in models if model.alias}
    by_id = {model.id: model for model in models}
    return Manifest(room_id=room_id, revision=revision, models=by_id, aliases={**shown, **aliases})


def refresh(registry: ClientModelRegistry, *models: ManifestModel, room_id: str = "lab") -> RoomMerge:
    return registry.refresh_from_room(room_id, room(*models, room_id=room_id), NOON)


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["id"] for entry in entries]


def on_disk(path: Path) -> Any:
    return json.loads(path.read_bytes())


def assert_in_step(models: Mapping[str, Mapping[str, Any]], aliases: Mapping[str, str]) -> None:
    assert {e["alias"]: i for i, e in models.items() if e.get("alias")} == aliases


def start(script: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_ended_well(process: subprocess.Popen[str]) -> None:
    output = process.communicate(timeout=120)
    assert process.returncode == 0, output
