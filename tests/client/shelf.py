"""A room of the real product with models on its shelf, as workers leave them, and a machine beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.model_source import FoundModel, ModelSource
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.keys import ModelFolder
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.registry_changes import AliasSet
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.storage.progress import TransferProgress

ROOMS = "sleap-rtc-rooms"
NOBODY = "http://127.0.0.1:9"


class Shelf:
    """One room, and what one machine knows of it. `now` moves when a test says so."""

    def __init__(self, product: Product, home: Path) -> None:
        self.product = product
        self.token = product.stack.client_environment["SLEAP_RTC_TOKEN"]
        self.service = ServiceClient(product.stack.service_url, self.token)
        self.room_id = self.service.create_room("A lab").room_id
        self.room = RoomStorage(self.room_id, product.objects(ROOMS), ROOMS)
        self.registry = ClientModelRegistry(home / "models" / "manifest.json")
        self.now = datetime.now(UTC)
        self.progress: list[TransferProgress] = []

    def put(self, contents: dict[str, bytes], *legacy_ids: str) -> str:
        """Publish a model whose files are given by name, and what the existing tool called it; return its
        id."""
        listed = tuple(
            ModelFile(name=name, size_bytes=len(body), checksum=to_text(crc64nvme(body)))
            for name, body in contents.items()
        )
        model_id = model_id_of(listed)
        folder = ModelFolder(self.room_id, "centroid", model_id)
        for name, body in contents.items():
            self.product.objects(ROOMS).put(folder.file(name), body, Overwrite())
        self.room.publish_model(_record(folder, listed, legacy_ids), self.now)
        return model_id

    def alias(self, alias: str, model_id: str) -> None:
        """Let an alias of the room name a model, whatever it names now."""
        expected = self.room.manifest().aliases.get(alias)
        change = AliasSet(alias=alias, model_id=model_id, expected=expected)
        self.room.change(change, "ada", self.now)

    def bring(self, name: str, output: Path | None = None, **options: Any) -> FoundModel:
        """Bring a model as a command does, and remember the progress."""
        self.progress.clear()
        return self._source(self.service).bring(name, output, on_progress=self.progress.append, **options)

    def bring_offline(self, name: str, output: Path | None = None) -> FoundModel:
        """Bring a model while the service does not answer."""
        return self._source(ServiceClient(NOBODY, "")).bring(name, output)

    def find(self, name: str) -> FoundModel:
        """Find a model by a path or a name."""
        return self._source(self.service).find(name)

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)

    @property
    def fetched_bytes(self) -> int:
        """What the last `bring` had the store send."""
        return self.progress[-1].done_bytes - self.progress[-1].resumed_bytes if self.progress else 0

    def _source(self, service: ServiceClient) -> ModelSource:
        return ModelSource(service, self.registry, self.room_id, clock=lambda: self.now)


def _record(folder: ModelFolder, files: tuple[ModelFile, ...], legacy_ids: tuple[str, ...]) -> ModelRecord:
    return ModelRecord(
        model_id=folder.model_id,
        model_type=folder.model_type,
        room_id=folder.room_id,
        files=files,
        job_id=f"job-{folder.model_id}",
        attempt=1,
        fencing=1,
        dataset_checksum="crc64nvme:AAAAAAAAAAM=",
        trainer="reference",
        trained_by="ada",
        trained_on_worker="gpu-1",
        trained_at=datetime.now(UTC),
        metrics={"val_error_px": 1.5, "curve": [3, 2, 1]},
        traceparent="",
        legacy_ids=legacy_ids,
    )
