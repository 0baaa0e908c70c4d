"""The words in which tests speak of a room's models behind a running service."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sleap_rtc.events.workers import BELIEVED_FOR, WorkerView
from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.room_storage import RoomStorage
from support.desktop import ROOMS, ServiceLab

if TYPE_CHECKING:
    from support.product import Product

READER = "a reader"
STRANGER = "a stranger"
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
CURVE = [
    {"epoch": epoch, "train/loss": 2.0 / (epoch + 1), "val/loss": 3.0 / (epoch + 1)} for epoch in range(8)
]


class ModelLab(ServiceLab):
    """A room with models, and people of every role."""

    def __init__(self, product: Product) -> None:
        super().__init__(product)
        self.let_in(READER, "reader")
        self.storage = RoomStorage(self.room_id, self.rooms, ROOMS)

    def uploaded(self, content: str, minutes: int = 0, **changed: Any) -> ModelRecord:
        """Put a model's files and its record into the bucket, but not into the manifest."""
        checksum = f"crc64nvme:{hashlib.sha256(content.encode()).hexdigest()[:11]}="
        file = ModelFile(name="best.ckpt", size_bytes=len(content), checksum=checksum)
        model_id = model_id_of([file])
        facts = {
            "model_type": "centroid",
            "job_id": "01J00000000000000000000000",
            "attempt": 1,
            "fencing": 2,
            "dataset_checksum": "crc64nvme:DATASETDATA=",
            "config_checksum": "crc64nvme:CONFIGCONFI=",
            "software": {"sleap-rtc": "0.1.0", "python": "3.12.1"},
            "hyperparameters": {"learning_rate": 0.001, "backbone": {"filters": 16}},
            "trainer": "reference",
            "trained_by": "ada",
            "trained_on_worker": "gpu-1",
            "trained_at": NOON + timedelta(minutes=minutes),
            "metrics": {"val_error_px": 1.25, "curve": CURVE},
        }
        record = ModelRecord(model_id=model_id, room_id=self.room_id, files=(file,), **{**facts, **changed})
        folder = keys.ModelFolder(self.room_id, record.model_type, model_id)
        self.rooms.put(folder.file("best.ckpt"), content.encode(), Overwrite())
        self.rooms.put(folder.record, record.model_dump_json().encode(), Overwrite())
        return record

    def published(self, content: str, minutes: int = 0, **changed: Any) -> str:
        """Publish a model; return its id."""
        record = self.uploaded(content, minutes, **changed)
        self.storage.publish_model(record, NOON)
        return record.model_id

    def record_key(self, model_id: str) -> str:
        """Return where a model's record lies."""
        return keys.ModelFolder(self.room_id, "centroid", model_id).record

    def checked_in(self, worker_id: str, *models: str, kind: str = "desktop", late: bool = False) -> None:
        """Let a worker say that it is there and what it has; or have said so too long ago."""
        now = datetime.now(UTC) - (2 * BELIEVED_FOR if late else timedelta())
        view = WorkerView(
            room_id=self.room_id,
            worker_id=worker_id,
            kind=kind,
            trainer="reference",
            started_at=now,
            until=now + BELIEVED_FOR,
            models=models,
            peer_id=f"ada#{worker_id}",
        )
        key = keys.worker_key(self.room_id, worker_id)
        self.rooms.put(key, view.model_dump_json().encode(), Overwrite())
