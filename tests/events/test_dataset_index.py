"""A room's datasets are found by their bytes, whoever completed the upload and however often."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from support.jobs import CHECKSUM, DATASET, ROOM, House, in_an_hour, states, upload_of
from support.loop import run
from support.queues import assert_outage

from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.events.uploads import AskedJob, UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import from_text
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound, ObjectChanged, Unreachable
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.storage.object_store import PutMode

ENTRY = keys.dataset_key(ROOM, len(DATASET), from_text(CHECKSUM))


@pytest.fixture
def house() -> House:
    return House()


def index(house: House) -> DatasetIndex:
    return DatasetIndex(house.uploads, house.rooms)


def present(house: House, size_bytes: int | None = None) -> list[str]:
    return [record.upload_id for record in index(house).present(ROOM, size_bytes)]


def etag(house: House, record: UploadRecord) -> str:
    return house.uploads.head(str(upload_of(record))).etag


def swept(house: House) -> None:
    run(house.reconcile.sweep(in_an_hour()))


@pytest.mark.parametrize("job", [JobRequest(), None])
@pytest.mark.parametrize("finish", [House.dispatched, lambda house, _: swept(house)])
def test_an_upload_whose_service_died_is_found(
    house: House, job: JobRequest | None, finish: Callable[[House, UploadRecord], object]
) -> None:
    record = house.completed_upload(job=job)
    finish(house, record)
    assert present(house) == present(house, len(DATASET)) == [record.upload_id]
    assert present(house, len(DATASET) + 1) == []


def test_a_record_never_says_completed_before_the_dataset_can_be_found(house: House) -> None:
    record = house.completed_upload(job=None)
    house.rooms.put = failing_once(house, ENTRY)  # type: ignore[method-assign] # a store that is down
    assert_outage(house.dispatched(record))
    assert house.upload_record(record).state == "completing"
    swept(house)
    assert present(house) == [record.upload_id]


def failing_once(house: House, key: str) -> Callable[..., str]:
    put, failures = house.rooms.put, [key]

    def failing(written: str, body: bytes, mode: PutMode, **more: Any) -> str:
        if written in failures:
            failures.remove(written)
            raise Unreachable(where="The store", why="down")
        return put(written, body, mode, **more)

    return failing


def test_settling_twice_writes_once(house: House) -> None:
    record = house.completed_upload()
    first = index(house).settle(record, etag(house, record))
    before = house.rooms.head(ENTRY)
    assert index(house).settle(record, "of another object") == first
    assert house.rooms.head(ENTRY) == before


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_upload_stands_for_its_bytes_in_whatever_order_they_settle(
    house: House, order: tuple[int, ...]
) -> None:
    records = [house.completed_upload() for _ in range(3)]
    for number in (*order, order[0]):
        house.dispatched(records[number])
    assert present(house) == [max(record.upload_id for record in records)]


def test_what_is_gone_or_replaced_or_not_ours_is_left_out(house: House) -> None:
    gone, replaced, there = (
        house.completed_upload(checksum=f"crc64nvme:AAAAAAAAAA{letter}=") for letter in "AEI"
    )
    for record in (gone, replaced, there):
        house.dispatched(record)
    house.uploads.delete(str(upload_of(gone)))
    house.put_dataset(replaced, b"rats")
    house.put(f"{keys.datasets_prefix(ROOM)}5-not ours.json", b"{")
    assert present(house) == [there.upload_id]


def test_a_dataset_is_got_by_its_upload_while_it_is_the_one_that_was_completed(house: House) -> None:
    record = house.completed_upload()
    with pytest.raises(NotFound):
        index(house).get(upload_of(record))
    house.dispatched(record)
    assert index(house).get(upload_of(record)).checksum == CHECKSUM
    house.uploads.put(str(upload_of(record)), b"rats", Overwrite())
    with pytest.raises(ObjectChanged, match="was replaced"):
        index(house).get(upload_of(record))


def asked(record: UploadRecord, job_id: str) -> UploadRecord:
    job = AskedJob(job_id=job_id, request=JobRequest(), created_by="bob", created_at=record.created_at)
    return record.model_copy(update={"submitted": (*record.submitted, job)})


@pytest.mark.parametrize("job", [JobRequest(), None])
def test_a_job_that_was_submitted_and_never_made_is_made_by_the_sweep(
    house: House, job: JobRequest | None
) -> None:
    record = house.completed_upload(job=job)
    house.dispatched(record)
    swept(house)
    key, job_id = keys.upload_record_key(upload_of(record)), "01J00000000000000000000001"
    house.jobs.announce(upload_of(record), job_id, record.created_at)
    Documents(house.rooms, UploadRecord).change(key, lambda present: asked(present, job_id))
    swept(house)
    made = house.jobs.get(ROOM, job_id)
    assert (states(made), made.created_by) == (["uploaded", "queued"], "bob")
    assert (made.dataset.checksum, made.dataset.etag) == (CHECKSUM, etag(house, record))
