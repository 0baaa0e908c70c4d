"""Orchestration: picks what the survey of an instance looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sleap_rtc.events.sqs_queue import SqsQueue
from sleap_rtc.service.survey import Survey, Surveyed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sleap_rtc.events.event_facts import Bucket, QueueRole
    from sleap_rtc.events.job_queues import SqsJobQueues
    from sleap_rtc.service.parts import Parts
    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.s3_transfers import S3Transfers

_SWEEPS = 2
"""Between two looks: they cost more requests than a sweep, and what they tell changes slowly."""
_SHORTEST_S = 30.0
"""However often an instance sweeps, as one does that hears of no events."""


async def survey(
    client: Any,
    settings: Settings,
    parts: Parts,
    upload_transfers: S3Transfers,
    job_queues: SqsJobQueues,
) -> Coroutine[Any, Any, None]:
    """Return what looks until the instance leaves. Raises NotFound where a queue is missing."""
    names: dict[QueueRole, str] = {
        "upload-events": settings.upload_events_queue,
        "model-events": settings.model_events_queue,
    }
    event_queues = {role: await SqsQueue.open(client, name) for role, name in names.items()}
    buckets: dict[Bucket, S3Transfers] = {"uploads": upload_transfers, "rooms": parts.room_transfers}
    every_s = max(_SHORTEST_S, _SWEEPS * settings.reconcile_interval_s)
    looked_at = Surveyed(parts.room_objects, buckets, event_queues, job_queues)
    return Survey(looked_at).run(parts.drain.leaving, every_s)
