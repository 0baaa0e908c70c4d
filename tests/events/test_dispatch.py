"""A completed upload becomes one queued job, whatever is said about it and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.jobs import (
    CHECKSUM,
    DATASET,
    ROOM,
    ROOMS_BUCKET,
    TRACEPARENT,
    UPLOADS_BUCKET,
    House,
    message,
    notice,
    states,
    upload_of,
)
from support.loop import run
from support.queues import assert_outage

from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.outcome import Done, Poison, Unfinished
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.uploads import UploadRecord
    from sleap_rtc.storage.object_store import ObjectInfo


UPLOAD = f"{ROOM}-01J00000000000000000000000"


@pytest.fixture
def house() -> House:
    return House()


def assert_queued_once(house: House, record: UploadRecord) -> None:
    assert states(house.job(record)) == ["uploaded", "queued"]
    assert house.sent() == [record.job_id]
    assert house.told() == ["queued"]


def assert_nothing_happened(house: House, record: UploadRecord) -> None:
    with pytest.raises(NotFound):
        house.job(record)
    assert (house.sent(), house.told()) == ([], [])


def test_a_completed_upload_becomes_a_queued_job(house: House) -> None:
    record = house.completed_upload()
    assert house.dispatched(record) == Done()
    assert_queued_once(house, record)


def test_the_job_says_which_dataset_it_is_for_and_who_asked(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    job = house.job(record)
    assert (job.created_by, job.traceparent, job.request) == ("ada", TRACEPARENT, record.job)
    assert job.dataset.path == f"s3://{UPLOADS_BUCKET}/{upload_of(record)}"
    assert (job.dataset.size_bytes, job.dataset.checksum) == (len(DATASET), CHECKSUM)


def test_the_message_on_the_queue_is_that_of_the_job(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    [held] = house.queue.held.values()
    found = JobMessage.parse(held.body)
    assert found == JobMessage.of(house.job(record), found.traceparent)


def test_the_first_edge_names_the_notice_that_caused_it(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    assert house.job(record).history[0].event == f"{UPLOADS_BUCKET}/{upload_of(record)}@e1#0A"


def test_the_upload_is_completed_with_the_etag_of_its_object(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    etag = house.uploads.head(str(upload_of(record))).etag
    assert (house.upload_record(record).state, house.upload_record(record).etag) == ("completed", etag)


def test_the_first_notice_of_an_upload_is_remembered_and_what_the_service_did_itself_is_none(
    house: House,
) -> None:
    record = house.completed_upload()
    run(house.dispatch.dispatch(upload_of(record), "the service itself"))
    assert house.upload_record(record).noticed_at is None
    assert house.dispatched(record) == Done()
    first = house.upload_record(record).noticed_at
    assert first is not None
    house.dispatched(record)
    assert house.upload_record(record).noticed_at == first


def test_a_late_notice_from_a_room_that_was_there_for_a_check_is_no_dead_letter(house: House) -> None:
    gone = keys.UploadKey("check-a1b2", "check-a1b2-01J00000000000000000000000")
    assert run(house.dispatch.handle(message(notice(UPLOADS_BUCKET, str(gone))))) == Done()


def test_a_notice_that_comes_twice_makes_one_job(house: House) -> None:
    record = house.completed_upload()
    for _ in range(3):
        assert house.dispatched(record) == Done()
    assert_queued_once(house, record)


def test_a_notice_that_comes_late_leaves_a_running_job_alone(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    before = house.claimed(house.job(record))
    house.dispatched(record)
    assert house.job(record) == before
    assert house.sent() == [record.job_id]


def test_notices_of_several_uploads_in_any_order_make_a_job_each(house: House) -> None:
    records = [house.completed_upload() for _ in range(3)]
    for record in reversed(records):
        house.dispatched(record)
    assert [states(house.job(record)) for record in records] == [["uploaded", "queued"]] * 3


def test_a_message_with_several_records_makes_all_their_jobs(house: House) -> None:
    records = [house.completed_upload() for _ in range(2)]
    notices = [notice(UPLOADS_BUCKET, str(upload_of(record))) for record in records]
    assert run(house.dispatch.handle(message(*notices))) == Done()
    assert house.sent() == [record.job_id for record in records]


def test_a_bad_record_does_not_take_the_good_one_beside_it_along(house: House) -> None:
    record = house.completed_upload()
    good, bad = notice(UPLOADS_BUCKET, str(upload_of(record))), notice("a-stranger", "k")
    assert isinstance(run(house.dispatch.handle(message(bad, good))), Poison)
    assert_queued_once(house, record)


def test_an_upload_that_nobody_opened_makes_no_job(house: House) -> None:
    stranger = House().completed_upload()
    house.put_dataset(stranger, DATASET)
    assert isinstance(house.dispatched(stranger), Poison)
    assert_nothing_happened(house, stranger)


def test_a_notice_of_an_object_that_is_not_there_makes_no_job(house: House) -> None:
    record = house.completed_upload()
    house.uploads.delete(str(upload_of(record)))
    assert house.dispatched(record) == Done()
    assert_nothing_happened(house, record)


@pytest.mark.parametrize("state", ["open", "aborted"])
def test_an_upload_that_was_never_completed_makes_no_job(house: House, state: str) -> None:
    record = house.completed_upload(state=state)
    house.dispatched(record)
    assert_nothing_happened(house, record)


def test_an_object_of_another_size_makes_no_job(house: House) -> None:
    record = house.completed_upload()
    house.put_dataset(record, DATASET + b"!")
    house.dispatched(record)
    assert_nothing_happened(house, record)


def test_an_upload_without_a_job_is_completed_and_makes_none(house: House) -> None:
    record = house.completed_upload(job=None, job_id=None)
    assert house.dispatched(record) == Done()
    assert house.upload_record(record).state == "completed"
    assert (house.sent(), house.told()) == ([], [])


def test_a_job_is_made_for_the_object_that_was_completed_not_for_its_replacement(house: House) -> None:
    record = house.completed_upload(state="completed", etag="of-the-completed-object")
    house.dispatched(record)
    assert house.job(record).dataset.etag == "of-the-completed-object"


def test_a_job_keeps_the_etag_of_the_object_that_was_completed(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    first = house.job(record).dataset.etag
    assert house.put_dataset(record, b"a dataset of rats") != first
    house.start()
    house.dispatched(record)
    assert house.job(record).dataset.etag == house.upload_record(record).etag == first


@pytest.mark.parametrize(
    ("bucket", "key", "code", "named"),
    [
        (ROOMS_BUCKET, f"uploads/{ROOM}/{UPLOAD}/data", "foreign_bucket", ROOMS_BUCKET),
        (UPLOADS_BUCKET, "uploads/mice-1/not-an-upload/data", "foreign_key", "not-an-upload"),
        (UPLOADS_BUCKET, f"uploads/rats-2/{UPLOAD}/data", "foreign_key", "uploads/rats-2"),
        (UPLOADS_BUCKET, f"uploads/{ROOM}/{UPLOAD}/data/../x", "foreign_key", "data/../x"),
        (UPLOADS_BUCKET, "Mäuse.zip", "foreign_key", "Mäuse.zip"),
        (UPLOADS_BUCKET, f"uploads/{ROOM}/{UPLOAD}/data", "unknown_upload", UPLOAD),
        (UPLOADS_BUCKET, f"uploads/nowhere/nowhere{UPLOAD[6:]}/data", "unknown_upload", "nowhere"),
    ],
)
def test_what_is_not_ours_is_poison_that_names_it(
    house: House, bucket: str, key: str, code: str, named: str
) -> None:
    outcome = run(house.dispatch.handle(message(notice(bucket, key))))
    assert isinstance(outcome, Poison)
    assert (outcome.code, named in outcome.reason) == (code, True)


def test_records_that_are_done_are_not_handled_again(house: House) -> None:
    done, failing = house.completed_upload(), house.completed_upload()
    notices = [notice(UPLOADS_BUCKET, str(upload_of(record))) for record in (done, failing)]
    first = message(*notices)
    house.uploads.head = failing_for(house, failing)  # type: ignore[assignment,method-assign] # a store that is down
    outcome = run(house.dispatch.handle(first))
    assert isinstance(outcome, Unfinished)
    assert outcome.done == {f"{UPLOADS_BUCKET}/{upload_of(done)}@e1#0A"}
    house.rooms.read.clear()
    run(house.dispatch.handle(replace(first, done=outcome.done)))
    assert keys.upload_record_key(upload_of(done)) not in house.rooms.read
    assert house.sent() == [done.job_id, failing.job_id]


def failing_for(house: House, record: UploadRecord) -> Callable[[str], ObjectInfo]:
    """Let the store not answer when it is first asked for a dataset."""
    head, failures = house.uploads.head, [str(upload_of(record))]

    def failing(key: str) -> ObjectInfo:
        if key in failures:
            failures.remove(key)
            raise Unreachable(where="S3", why="down")
        return head(key)

    return failing


def test_a_message_that_is_no_notice_is_poison(house: House) -> None:
    outcome = run(house.dispatch.handle(message(body="hello")))
    assert outcome == Poison(
        "not_json", "The message is not a notice of S3 that this version can read: it is not JSON."
    )


def test_a_test_event_is_done(house: House) -> None:
    assert run(house.dispatch.handle(message(body='{"Event": "s3:TestEvent"}'))) == Done()


def test_a_message_that_could_not_be_sent_is_sent_at_the_next_delivery(house: House) -> None:
    record = house.completed_upload()
    house.sends_that_fail = 1
    assert_outage(house.dispatched(record))
    assert house.told() == []
    for _ in range(2):
        house.dispatched(record)
    assert_queued_once(house, record)


def test_a_job_that_another_instance_is_just_making_gets_no_second_message(house: House) -> None:
    record = house.completed_upload()
    house.sends_that_fail = 1
    assert_outage(house.dispatched(record))
    house.start()
    house.dispatched(record)
    assert house.sent() == []


def test_a_crash_before_the_job_is_made_good_by_the_next_delivery(house: House) -> None:
    record = house.completed_upload(state="completed", etag="")
    house.dispatched(record)
    assert_queued_once(house, record)
