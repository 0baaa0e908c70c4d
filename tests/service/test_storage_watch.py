"""What lies in the buckets is added up, bucket by bucket."""

from __future__ import annotations

from sleap_rtc.events.event_facts import StorageFound
from sleap_rtc.service.storage_watch import StorageWatch
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create
from sleap_rtc.storage.telling import Fact, listen


def test_every_object_of_a_bucket_counts() -> None:
    uploads, rooms = MemoryObjectStore(), MemoryObjectStore()
    uploads.put("uploads/lab/lab-1/data", b"12345", Create())
    rooms.put("lab/room.json", b"12", Create())
    rooms.put("lab/manifest.json", b"123", Create())
    heard: list[Fact] = []
    end = listen(heard.append)
    try:
        StorageWatch({"uploads": uploads, "rooms": rooms}).look()
    finally:
        end()
    assert heard == [StorageFound("uploads", 5), StorageFound("rooms", 5)]
