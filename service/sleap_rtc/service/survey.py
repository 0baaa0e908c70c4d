"""Orchestration: counts at an interval what nobody tells: what lies on queues, which multipart uploads are
open, and which workers there are.

Cost of one look: a LIST for each bucket and 1,000 open uploads of it; two requests to SQS for each of the two
event queues and for the queue of each room; for each room a LIST, and a GET for each of its workers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events.event_facts import QueueFound, UnfinishedFound, WorkersFound
from sleap_rtc.events.workers import present
from sleap_rtc.service.topology import ABORT_UPLOADS_AFTER_DAYS
from sleap_rtc.service.worker_presences import worker_presences
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sleap_rtc.events.event_facts import Bucket, QueueRole
    from sleap_rtc.events.job_queues import SqsJobQueues
    from sleap_rtc.events.sqs_queue import SqsQueue, Standing
    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers

log = logging.getLogger(__name__)

ORPHANED_AFTER = timedelta(days=ABORT_UPLOADS_AFTER_DAYS + 1)
"""The buckets' lifecycle rule aborts what is older than its days, once a day."""


@dataclass(frozen=True)
class Surveyed:
    """What is looked at.

    Attributes:
        rooms: the rooms bucket.
        buckets: whose multipart uploads are counted.
        event_queues: the queues of the reactors, by role.
        job_queues: those of all rooms.
    """

    rooms: ObjectStore
    buckets: Mapping[Bucket, S3Transfers]
    event_queues: Mapping[QueueRole, SqsQueue]
    job_queues: SqsJobQueues


class Survey:
    """Looks at all rooms."""

    def __init__(self, surveyed: Surveyed) -> None:
        self._of = surveyed
        self._letters: dict[str, SqsQueue | None] = {}

    async def run(self, stop: asyncio.Event, interval_s: float) -> None:
        """Look at an interval until `stop` is set."""
        while not stop.is_set():
            try:
                await self.look(datetime.now(UTC))
            except SleapRtcError as error:
                log.warning("not everything could be counted for the metrics: %s", error)
            try:
                async with asyncio.timeout(interval_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self, now: datetime) -> None:
        """Count once, and tell it."""
        for bucket, transfers in self._of.buckets.items():
            begun = await asyncio.to_thread(lambda found=transfers: list(found.begun()))  # type: ignore[misc]
            orphaned = sum(now - at > ORPHANED_AFTER for at in begun)
            tell(UnfinishedFound(bucket, fresh=len(begun) - orphaned, orphaned=orphaned))
        for role, queue in self._of.event_queues.items():
            tell(_found(role, [await self._standing(queue)]))
        rooms = await asyncio.to_thread(lambda: [*filter(keys.is_room_id, self._of.rooms.folders())])
        standings, workers = [], []
        for room_id in rooms:
            try:
                standings.append(await self._standing(await self._of.job_queues.queue(room_id)))
            except NotFound:
                log.debug("room %s has no queue", room_id)
            workers += await asyncio.to_thread(worker_presences, self._of.rooms, room_id)
        tell(_found("jobs", standings))
        tell(WorkersFound(_by_kind(present(workers, now))))

    async def _standing(self, queue: SqsQueue) -> tuple[Standing, int]:
        """Return what lies on a queue, and how many dead letters it has."""
        if queue.name not in self._letters:
            self._letters[queue.name] = await queue.dead_letters()
        letters = self._letters[queue.name]
        return await queue.standing(), await letters.depth() if letters is not None else 0


def _found(role: QueueRole, standings: Iterable[tuple[Standing, int]]) -> QueueFound:
    every = list(standings)
    return QueueFound(
        role,
        waiting=sum(each.waiting for each, _ in every),
        held=sum(each.held for each, _ in every),
        delayed=sum(each.delayed for each, _ in every),
        dead_letters=sum(letters for _, letters in every),
    )


def _by_kind(workers: list[WorkerView]) -> Counter[tuple[str, bool]]:
    return Counter((worker.kind, worker.job_id is not None) for worker in workers)
