"""A model that no job made is published like any other, with nothing to accept and nothing to end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.jobs import HOUR, NOON, ROOM, ROOMS_BUCKET, House, folder_of

from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.outcome import Done, Poison
from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.room_storage import RoomStorage

BOB = "bob"


@pytest.fixture
def house() -> House:
    return House()


def pushed(house: House, content: bytes = b"weights", model_type: str = "centroid") -> ModelRecord:
    """Let a member bring a model: files first, `model.json` last; nobody is told yet."""
    files = (ModelFile(name="best.ckpt", size_bytes=len(content), checksum=content.hex()),)
    record = ModelRecord(
        model_id=model_id_of(files),
        model_type=model_type,
        room_id=ROOM,
        files=files,
        trainer="sleap-nn",
        trained_by=BOB,
        trained_on_worker="",
        trained_at=NOON,
    )
    house.rooms.put(folder_of(record).file("best.ckpt"), content, Overwrite())
    house.rooms.put(folder_of(record).record, record.model_dump_json().encode(), Overwrite())
    return record


def test_it_enters_the_manifest_under_the_name_of_who_brought_it(house: House) -> None:
    record = pushed(house)
    assert house.announced(record) == Done()
    training = house.manifest().models[record.model_id].training
    assert (training.trained_by, training.job_id) == (BOB, "")
    (entry,) = RoomStorage(ROOM, house.rooms, ROOMS_BUCKET).history()
    assert (entry.by, entry.change.kind) == (BOB, "published")


def test_the_room_is_told_once_however_often_the_notice_comes(house: House) -> None:
    record = pushed(house)
    for _ in range(3):
        house.announced(record)
    house.start()
    house.announced(record)
    (event,) = house.feed.since(ROOM)
    assert (event.kind, event.model_id, event.state, event.job_id) == (
        "model",
        record.model_id,
        "published",
        "",
    )
    assert (event.by, event.text) == (BOB, f"model {event.model_id} (centroid) was brought")


def test_no_job_is_made_or_looked_for(house: House) -> None:
    house.announced(pushed(house))
    assert list(house.rooms.list(keys.jobs_prefix(ROOM))) == []
    assert house.marked() == []


def test_one_whose_file_is_missing_is_refused(house: House) -> None:
    record = pushed(house)
    house.rooms.delete(folder_of(record).file("best.ckpt"))
    assert isinstance(house.announced(record), Poison)
    assert house.manifest().models == {}


def test_one_that_the_room_has_as_another_kind_is_refused(house: House) -> None:
    house.announced(pushed(house))
    assert isinstance(house.announced(pushed(house, model_type="bottomup")), Poison)
    assert [model.model_type for model in house.manifest().models.values()] == ["centroid"]


def test_one_that_nobody_was_told_of_is_published_by_the_deep_sweep(house: House) -> None:
    record = pushed(house)
    house.swept_deep()
    assert list(house.manifest().models) == [record.model_id]
    assert house.told() == ["published"]


def test_a_repair_brings_it_back(house: House) -> None:
    records = [pushed(house, content) for content in (b"one", b"two")]
    room = RoomStorage(ROOM, house.rooms, ROOMS_BUCKET)
    assert set(room.repair("ada", datetime.now(UTC)).models) == {record.model_id for record in records}


def test_a_job_whose_worker_is_lost_is_not_ended_by_the_same_model_from_somebody(house: House) -> None:
    job = house.claimed(house.queued())
    record = house.trained(job)
    pushed(house)  # in place of the record that the worker was to write
    house.swept(HOUR)
    assert house.job_of(record).state is JobState.REQUEUED
    assert house.manifest().models[record.model_id].training.job_id == ""


def test_the_job_that_makes_a_model_which_somebody_brought_is_ended_all_the_same(house: House) -> None:
    house.announced(pushed(house))
    record = house.finished()
    assert house.announced(record) == Done()
    assert house.job_of(record).state is JobState.PUBLISHED
    assert house.manifest().revision == 1
