"""Orchestration: what the workers of a room said of themselves last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from sleap_rtc.events.workers import WorkerView
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from sleap_rtc.storage.object_store import ObjectStore


def worker_presences(rooms: ObjectStore, room_id: str) -> list[WorkerView]:
    """Return it, whether it is still believed or not; what cannot be read is passed over.

    Cost: one LIST, and one GET for each worker.
    """
    found = []
    for info in rooms.list(keys.workers_prefix(room_id)):
        try:
            found.append(WorkerView.model_validate_json(rooms.get(info.key).body))
        except (NotFound, ValidationError):
            continue
    return found
