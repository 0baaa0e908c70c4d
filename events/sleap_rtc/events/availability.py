"""Pure: who can serve a room's models now, by what the workers said of themselves last.

It holds for moments, so no revision keeps it: whoever hands a manifest out puts it in.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sleap_rtc.events.workers import present
from sleap_rtc.storage.manifest import ManifestModel

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.storage.manifest import Manifest

Holders: TypeAlias = dict[str, list[dict[str, Any]]]
M = TypeVar("M", bound=ManifestModel)

# What a pod has cached goes with the pod.
_SERVES = "desktop"
_TOLD_ELSEWHERE = {"v", "room_id", "worker_id", "models"}


def serving(workers: Iterable[WorkerView], now: datetime) -> list[WorkerView]:
    """Return the workers that can serve models now, in the order of their ids."""
    there = (worker for worker in present(list(workers), now) if worker.kind == _SERVES)
    return sorted(there, key=lambda worker: worker.worker_id)


def with_availability(manifest: Manifest, workers: Iterable[WorkerView], now: datetime) -> Manifest:
    """Return the manifest that says who can serve its models now; whatever it said before is dropped.

    Args:
        manifest: the room's; it is left as it is.
        workers: what the room's workers said of themselves; who is not believed any more is nobody.
        now: the time.
    """
    there = serving(workers, now)
    holders = holders_of(there)
    models = {model_id: held_by(model, holders) for model_id, model in manifest.models.items()}
    told = {worker.worker_id: worker.model_dump(mode="json", exclude=_TOLD_ELSEWHERE) for worker in there}
    return manifest.model_copy(update={"models": models, "workers": told})


def holders_of(there: Iterable[WorkerView]) -> Holders:
    """Return what the manifest shows of those who can serve models now, by model."""
    holders: Holders = defaultdict(list)
    for worker in there:
        for model_id in worker.models:
            holders[model_id].append({"worker_id": worker.worker_id, "can_serve_p2p": bool(worker.peer_id)})
    return holders


def held_by(model: M, holders: Holders) -> M:
    """Return a model that says who can serve it; whatever it said before is dropped."""
    now = holders.get(model.id, [])
    if model.availability.cached_on_workers == now:
        return model
    available = model.availability.model_copy(update={"cached_on_workers": now})
    return model.model_copy(update={"availability": available})
