"""Orchestration: a room with many models: what it takes to look into it, and to publish one more."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from programs.publish_models import record

from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import Manifest, with_model
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_BAR_MS = 100.0
_TIMES = 20
_NOW = datetime(2026, 11, 3, tzinfo=UTC)
_ROOM = "lab"


def manifest_of(models: int) -> Manifest:
    """Return the manifest of a room in which one model in ten is tagged and one in a hundred has an alias."""
    one = with_model(Manifest(room_id=_ROOM), record(_ROOM, 0), "rooms").models["00000000"]
    shown = {}
    for number in range(models):
        told = record(_ROOM, number)
        training = one.training.model_copy(update={"trained_at": told.trained_at, "job_id": told.job_id})
        tags = ["validated"] if number % 10 == 0 else []
        fields = {"id": told.model_id, "model_type": told.model_type, "training": training, "tags": tags}
        shown[told.model_id] = one.model_copy(update=fields)
    aliases = {f"best-{number}": f"{number:08x}" for number in range(0, models, 100)}
    return Manifest(room_id=_ROOM, models=shown, aliases=aliases, revision=models, updated_at=_NOW)


def look(models: int) -> Report:
    """Time what is asked of a room that was read before, and that read."""
    store = _store_with(manifest_of(models))
    room = RoomStorage(_ROOM, store, "rooms")
    room.manifest()
    asked: dict[str, tuple[Callable[[], object], float | None]] = {
        "list": (room.list_models, LOOK_BAR_MS),
        "filter by tag": (lambda: room.list_models(tag="validated"), LOOK_BAR_MS),
        "filter by type": (lambda: room.list_models(model_type="centroid"), LOOK_BAR_MS),
        "resolve an alias": (lambda: room.get_model("best-100"), LOOK_BAR_MS),
        "first read, without the network": (lambda: RoomStorage(_ROOM, store, "rooms").manifest(), None),
    }
    report = Report()
    for name, (ask, bar) in asked.items():
        value = _worst_ms(ask)
        holds = bar is None or value <= bar
        report.figures.append(
            Figure(f"{models:,} models: {name}", value, "ms", "worst of 20", 1.0, bar, holds)
        )
    return report


def publish_bytes(sizes: tuple[int, ...]) -> Report:
    """Count what one more publish writes into rooms of several sizes."""
    written = {models: _bytes_of_one_more(models) for models in sizes}
    least, most = min(sizes), max(sizes)
    growth = (written[most] - written[least]) / (most - least)
    rows = [(f"{models:,}", f"{size_bytes:,}") for models, size_bytes in written.items()]
    return Report(
        [
            Figure(f"one more publish after {most:,}", written[most], "bytes", "", 1.0, None, holds=True),
            Figure("growth for each model there", growth, "bytes", "", 1.0, None, holds=True),
        ],
        [Table("Bytes that one more publish writes (manifest and log entry)", ("models", "bytes"), rows)],
    )


def _bytes_of_one_more(models: int) -> int:
    store = _store_with(manifest_of(models))
    before = {info.key: info.etag for info in store.list("")}
    RoomStorage(_ROOM, store, "rooms").publish_model(record(_ROOM, models), _NOW)
    return sum(info.size_bytes for info in store.list("") if before.get(info.key) != info.etag)


def _store_with(manifest: Manifest) -> MemoryObjectStore:
    store = MemoryObjectStore()
    store.put(keys.manifest_key(_ROOM), manifest.model_dump_json(indent=1).encode(), Create())
    return store


def _worst_ms(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        ask()
        took.append(time.perf_counter() - begun)
    return max(took) * 1000
