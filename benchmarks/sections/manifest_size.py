"""Orchestration: a room with many models: what it takes to look into it, and to publish one more.

It is looked into twice: by a reader in this process, over a store in memory, and by a client who asks the
service over HTTP, which reads a real store.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from figures import Figure, Report, Table
from product import ROOMS_BUCKET
from programs.publish_models import record

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.local.stack import LocalStack
from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import Manifest, with_model
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.storage.object_store import ObjectStore

LOOK_BAR_MS = 100.0
_TIMES = 20
_FIRST_TIMES = 3
_PAGE = 50
_NOW = datetime(2026, 11, 3, tzinfo=UTC)
_ROOM = "lab"


def manifest_of(models: int, room_id: str = _ROOM) -> Manifest:
    """Return the manifest of a room in which one model in ten is tagged and one in a hundred has an alias."""
    one = with_model(Manifest(room_id=room_id), record(room_id, 0), "rooms").models["00000000"]
    shown = {}
    for number in range(models):
        told = record(room_id, number)
        training = one.training.model_copy(update={"trained_at": told.trained_at, "job_id": told.job_id})
        tags = ["validated"] if number % 10 == 0 else []
        fields = {"id": told.model_id, "model_type": told.model_type, "training": training, "tags": tags}
        shown[told.model_id] = one.model_copy(update=fields)
    aliases = {f"best-{number}": f"{number:08x}" for number in range(0, models, 100)}
    return Manifest(
        room_id=room_id,
        models=shown,
        aliases=aliases,
        revision=models,
        updated_at=_NOW,
        write_id=f"{models:026d}",
    )


def look(models: int) -> Report:
    """Time what is asked of a room that was read before, and that read."""
    store = _store_with(manifest_of(models))
    room = RoomStorage(_ROOM, store, "rooms")
    room.manifest()
    asked: dict[str, Callable[[], object]] = {
        "list": room.list_models,
        "filter by tag": lambda: room.list_models(tag="validated"),
        "filter by type": lambda: room.list_models(model_type="centroid"),
        "resolve an alias": lambda: room.get_model("best-100"),
    }
    report = Report([_figure(models, name, ask) for name, ask in asked.items()])
    first_ms = _worst_ms(lambda: RoomStorage(_ROOM, store, "rooms").manifest(), _FIRST_TIMES)
    report.figures.append(
        _shown(f"{models:,} models: first read of a process, without network", first_ms, "ms")
    )
    return report


def ask_service(folder: Path, models: int) -> Report:
    """Time the same as a client sees it who asks the service over HTTP."""
    with LocalStack(folder) as stack:
        client = ServiceClient(stack.service_url, stack.client_environment["SLEAP_RTC_TOKEN"])
        room_id = client.create_room("Bench").room_id
        store = S3ObjectStore(s3_client("us-east-1", stack.s3_url), ROOMS_BUCKET)
        _put(store, manifest_of(models, room_id))
        begun = time.perf_counter()
        client.models(room_id, _PAGE)
        first_ms = (time.perf_counter() - begun) * 1000
        asked: dict[str, Callable[[], object]] = {
            f"a page of {_PAGE}": lambda: client.models(room_id, _PAGE),
            "filter by tag": lambda: client.models(room_id, _PAGE, tag="validated"),
            "filter by type": lambda: client.models(room_id, _PAGE, model_type="centroid"),
            "resolve an alias": lambda: client.model(room_id, "best-100"),
        }
        report = Report([_figure(models, f"over HTTP: {name}", ask) for name, ask in asked.items()])
    report.figures.append(_shown(f"{models:,} models: over HTTP: first question", first_ms, "ms"))
    return report


def publish_bytes(sizes: tuple[int, ...]) -> Report:
    """Count what one more publish writes into rooms of several sizes."""
    written = {models: _written_by_one_more(models) for models in sizes}
    least, most = min(sizes), max(sizes)
    entry, view = written[most]
    growth = (view - written[least][1]) / (most - least)
    rows = [(f"{models:,}", f"{entry:,}", f"{view:,}") for models, (entry, view) in written.items()]
    return Report(
        [
            _shown(f"one more publish after {most:,}: entry of the log", entry, "bytes"),
            _shown(f"one more publish after {most:,}: manifest", view, "bytes"),
            _shown("growth of the manifest for each model", growth, "bytes"),
        ],
        [Table("Bytes that one more publish writes", ("models", "entry of the log", "manifest"), rows)],
    )


def _figure(models: int, name: str, ask: Callable[[], object]) -> Figure:
    value = _worst_ms(ask, _TIMES)
    peer = f"worst of {_TIMES}"
    return Figure(f"{models:,} models: {name}", value, "ms", peer, 1.0, LOOK_BAR_MS, value <= LOOK_BAR_MS)


def _shown(name: str, value: float, unit: str) -> Figure:
    return Figure(name, value, unit, "", 1.0, None, holds=True)


def _written_by_one_more(models: int) -> tuple[int, int]:
    """Return the bytes of the entry and of the manifest, which are all that is written."""
    store = _store_with(manifest_of(models))
    before = {info.key: info.etag for info in store.list("")}
    RoomStorage(_ROOM, store, "rooms").publish_model(record(_ROOM, models), _NOW)
    written = {info.key: info.size_bytes for info in store.list("") if before.get(info.key) != info.etag}
    view = written.pop(keys.manifest_key(_ROOM))
    return written.pop(keys.manifest_log_key(_ROOM, models + 1)), view + sum(written.values())


def _store_with(manifest: Manifest) -> MemoryObjectStore:
    store = MemoryObjectStore()
    _put(store, manifest)
    return store


def _put(store: ObjectStore, manifest: Manifest) -> None:
    body = manifest.model_dump_json(indent=1).encode()
    told = {"revision": str(manifest.revision)}
    store.put(keys.manifest_key(manifest.room_id), body, Create(), metadata=told)


def _worst_ms(ask: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        took.append(time.perf_counter() - begun)
    return max(took) * 1000
