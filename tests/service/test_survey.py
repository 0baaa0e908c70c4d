"""What is counted at an interval for the metrics alone: open multipart uploads, and workers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.events.event_facts import QueueFound, UnfinishedFound, WorkersFound
from sleap_rtc.events.workers import BELIEVED_FOR, WorkerView
from sleap_rtc.service.survey import Survey, Surveyed
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.storage.telling import listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

    from sleap_rtc.storage.telling import Fact

ROOM = "0123abcd"


class NoQueues:
    """A room without a queue."""

    async def queue(self, room_id: str) -> object:
        raise NotFound(what=f"queue of {room_id}")


@pytest.fixture
def heard() -> Iterator[list[Fact]]:
    facts: list[Fact] = []
    end = listen(facts.append)
    yield facts
    end()


def look(rooms: MemoryObjectStore, transfers: S3Transfers, now: datetime) -> None:
    surveyed = Surveyed(rooms, {"uploads": transfers}, {}, NoQueues())  # type: ignore[arg-type] # as it says
    asyncio.run(Survey(surveyed).look(now))


def test_an_open_upload_is_fresh_until_the_lifecycle_rule_should_have_taken_it(
    s3: S3Client, bucket: str, heard: list[Fact]
) -> None:
    transfers, now = S3Transfers(s3, bucket), datetime.now(UTC)
    transfers.create("uploads/one", "application/zip", {})
    done = transfers.create("uploads/two", "application/zip", {})
    transfers.abort("uploads/two", done.s3_upload_id)
    look(MemoryObjectStore(), transfers, now)
    look(MemoryObjectStore(), transfers, now + timedelta(days=7, hours=12))
    look(MemoryObjectStore(), transfers, now + timedelta(days=9))
    found = [(fact.fresh, fact.orphaned) for fact in heard if isinstance(fact, UnfinishedFound)]
    assert found == [(1, 0), (1, 0), (0, 1)]


def test_workers_are_counted_by_kind_while_they_are_believed(
    s3: S3Client, bucket: str, heard: list[Fact]
) -> None:
    rooms, now = MemoryObjectStore(), datetime.now(UTC)
    for name, kind, job_id in (("a", "desktop", None), ("b", "desktop", "j"), ("c", "runai", "k")):
        until = now + (BELIEVED_FOR if name != "c" else -BELIEVED_FOR)
        view = WorkerView(
            room_id=ROOM,
            worker_id=name,
            kind=kind,
            trainer="reference",
            started_at=now,
            until=until,
            job_id=job_id,
        )
        rooms.put(keys.worker_key(ROOM, name), view.model_dump_json().encode(), Overwrite())
    look(rooms, S3Transfers(s3, bucket), now)
    (workers,) = [fact for fact in heard if isinstance(fact, WorkersFound)]
    assert dict(workers.counts) == {("desktop", False): 1, ("desktop", True): 1}
    assert QueueFound("jobs", 0, 0, 0, 0) in heard
