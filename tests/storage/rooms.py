"""What the tests of manifests say: models of a room, made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.storage.keys import ModelFolder
from sleap_rtc.storage.manifest import Manifest, ModelFile, ModelRecord, model_id_of, with_model
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from sleap_rtc.storage.object_store import ObjectStore

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
A, B, C = (f"0000000{letter}" for letter in "abc")


def record(model_id: str, *, model_type: str = "unet", trained_at: datetime = NOON) -> ModelRecord:
    """Return the record of a model that is only listed."""
    file = ModelFile(name="best.ckpt", size_bytes=1_000, checksum="crc64nvme:AAAAAAAAAAE=")
    return ModelRecord(
        model_id=model_id,
        model_type=model_type,
        room_id="lab",
        files=(file,),
        job_id=f"job-{model_id}",
        attempt=1,
        fencing=1,
        dataset_checksum="crc64nvme:AAAAAAAAAAM=",
        trainer="reference",
        trained_by="ada",
        trained_on_worker="gpu-1",
        trained_at=trained_at,
        metrics={"val_loss": 0.25},
        traceparent="",
    )


def room_with(*model_ids: str) -> Manifest:
    """Return the manifest of a room that has published these models."""
    manifest = Manifest(room_id="lab")
    for model_id in model_ids:
        manifest = with_model(manifest, record(model_id), "rooms")
    return manifest


def uploaded(store: ObjectStore, content: str, *, job_id: str = "", fencing: int = 1) -> ModelRecord:
    """Put a model into the bucket as a worker does, files first; return its record."""
    files = (ModelFile(name="best.ckpt", size_bytes=len(content), checksum=f"text:{content}"),)
    model_id = model_id_of(files)
    made = record(model_id).model_copy(
        update={
            "model_id": model_id,
            "files": files,
            "job_id": job_id or f"job-{model_id}",
            "fencing": fencing,
        }
    )
    folder = ModelFolder("lab", made.model_type, model_id)
    store.put(folder.file("best.ckpt"), content.encode(), Overwrite())
    store.put(folder.record, made.model_dump_json().encode(), Overwrite())
    return made
