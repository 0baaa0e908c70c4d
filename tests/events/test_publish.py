"""A finished model enters the manifest once, if it is what it says it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.jobs import HOUR, ROOM, ROOMS_BUCKET, House, folder_of, in_an_hour, message, notice, states
from support.loop import run

from sleap_rtc.events import job_steps
from sleap_rtc.events.jobs import WAITING, JobState
from sleap_rtc.events.outcome import Done, Poison
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, ModelTurn, model_id_of

if TYPE_CHECKING:
    from sleap_rtc.events.uploads import UploadRecord


@pytest.fixture
def house() -> House:
    return House()


def assert_published_once(house: House, record: ModelRecord) -> None:
    assert list(house.manifest().models) == [record.model_id]
    assert house.manifest().revision == 1
    assert states(house.job_of(record)).count("published") == 1
    assert house.told().count("published") == 1


def assert_refused(house: House, record: ModelRecord, why: str) -> None:
    outcome = house.announced(record)
    assert isinstance(outcome, Poison)
    assert why in outcome.reason
    assert house.manifest().models == {}
    assert "published" not in house.told()


def test_a_finished_model_enters_the_manifest_and_ends_its_job(house: House) -> None:
    record = house.finished()
    assert house.announced(record) == Done()
    assert_published_once(house, record)
    assert house.job_of(record).lease is None


def test_the_manifest_says_where_the_model_lies_and_who_trained_it(house: House) -> None:
    record = house.finished()
    house.announced(record)
    model = house.manifest().models[record.model_id]
    assert model.storage.s3_path == f"s3://{ROOMS_BUCKET}/{folder_of(record)}"
    assert (model.training.trained_by, model.training.job_id) == ("ada", record.job_id)


def test_a_notice_that_comes_twice_publishes_once(house: House) -> None:
    record = house.finished()
    for _ in range(3):
        assert house.announced(record) == Done()
    assert_published_once(house, record)


def test_another_instance_that_hears_the_notice_again_publishes_nothing_more(house: House) -> None:
    record = house.finished()
    house.announced(record)
    house.start()
    house.announced(record)
    assert_published_once(house, record)


def test_models_of_two_jobs_are_both_published_in_any_order(house: House) -> None:
    first, second = house.finished(b"one"), house.finished(b"two")
    house.announced(second)
    house.announced(first)
    assert set(house.manifest().models) == {first.model_id, second.model_id}
    assert house.manifest().revision == 2


def test_two_jobs_with_the_same_model_are_both_ended(house: House) -> None:
    first = house.finished()
    house.announced(first)
    second = house.finished()
    house.announced(second)
    assert [house.job_of(record).state for record in (first, second)] == [JobState.PUBLISHED] * 2
    assert house.manifest().revision == 1


def test_a_message_with_several_records_publishes_all_of_them(house: House) -> None:
    records = [house.finished(b"one"), house.finished(b"two")]
    notices = [notice(ROOMS_BUCKET, folder_of(record).record) for record in records]
    assert run(house.publish.handle(message(*notices))) == Done()
    assert len(house.manifest().models) == 2


def test_a_bad_record_does_not_take_the_good_one_beside_it_along(house: House) -> None:
    record = house.finished()
    good, bad = notice(ROOMS_BUCKET, folder_of(record).record), notice("a-stranger", "k")
    assert run(house.publish.handle(message(bad, good))) == Poison(
        "foreign_bucket", "a-stranger is not the rooms bucket"
    )
    assert_published_once(house, record)


def test_a_crash_between_the_manifest_and_the_job_is_made_good_by_the_next_delivery(house: House) -> None:
    record = house.finished()
    job = house.rooms.get(keys.job_key(ROOM, record.job_id))
    house.rooms.delete(job.info.key)
    house.announced(record)
    house.put(job.info.key, job.body)
    house.announced(record)
    assert house.job_of(record).state is JobState.PUBLISHED


def test_a_stale_worker_is_refused(house: House) -> None:
    held = house.claimed(house.queued())
    house.claimed(held, "w2", in_an_hour())
    assert_refused(
        house, house.trained(held), "a stale worker made it: The job was given to another worker meanwhile"
    )


def test_the_worker_that_took_over_is_not_refused(house: House) -> None:
    held = house.claimed(house.queued())
    taken_over = house.claimed(held, "w2", in_an_hour())
    house.trained(held)
    record = house.trained(taken_over)
    house.announced(record)
    assert_published_once(house, record)


def test_a_model_with_a_file_missing_is_refused(house: House) -> None:
    record = house.finished()
    house.rooms.delete(folder_of(record).file("best.ckpt"))
    assert_refused(house, record, "its file best.ckpt is missing")


def test_a_model_with_a_file_of_another_size_is_refused(house: House) -> None:
    record = house.finished(b"weights")
    key = folder_of(record).file("best.ckpt")
    house.rooms.delete(key)
    house.put(key, b"weight")
    assert_refused(house, record, "best.ckpt has 6 bytes instead of 7")


def test_a_model_whose_id_is_not_that_of_its_files_is_refused(house: House) -> None:
    held = house.claimed(house.queued())
    assert_refused(house, house.trained(held, model_id="0badcafe"), "the model id is not that of its files")


def test_a_model_in_a_folder_that_is_not_its_own_is_refused(house: House) -> None:
    record = house.finished()
    body = house.rooms.get(folder_of(record).record).body
    elsewhere = keys.ModelFolder(ROOM, "centroid", "0badcafe")
    house.put(elsewhere.record, body)
    assert house.publish.publish(elsewhere, "notice") == "the model id is not that of its files"


@pytest.mark.parametrize("folder_field", ["room_id", "model_type"])
def test_a_record_of_another_room_or_type_is_refused(house: House, folder_field: str) -> None:
    record = house.finished()
    other = record.model_copy(update={folder_field: "other"})
    house.rooms.delete(folder_of(record).record)
    house.put(folder_of(record).record, other.model_dump_json().encode())
    assert "of another room or type" in (house.publish.publish(folder_of(record), "notice") or "")


def test_a_file_name_that_leaves_the_folder_is_refused(house: House) -> None:
    held = house.claimed(house.queued())
    files = (ModelFile(name="../../room.json", size_bytes=1, checksum=""),)
    record = house.trained(held, files=files, model_id=model_id_of(files))
    assert_refused(house, record, "../../room.json is missing")


def test_a_model_of_a_job_that_nobody_knows_is_refused(house: House) -> None:
    record = house.finished()
    house.rooms.delete(keys.job_key(ROOM, record.job_id))
    assert_refused(house, record, f"job {record.job_id}")


def test_a_record_that_is_not_there_is_refused(house: House) -> None:
    record = house.finished()
    house.rooms.delete(folder_of(record).record)
    assert_refused(house, record, folder_of(record).record)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b"[" * 10_000])
def test_a_record_that_cannot_be_read_is_refused(house: House, body: bytes) -> None:
    record = house.finished()
    house.rooms.delete(folder_of(record).record)
    house.put(folder_of(record).record, body)
    assert_refused(house, record, "is not a model record")


def test_a_foreign_bucket_is_poison(house: House) -> None:
    assert isinstance(run(house.publish.handle(message(notice("a-stranger", "k")))), Poison)


def test_a_message_that_is_no_notice_is_poison(house: House) -> None:
    assert isinstance(run(house.publish.handle(message(body="hello"))), Poison)


def test_another_object_of_the_rooms_bucket_is_refused(house: House) -> None:
    outcome = run(house.publish.handle(message(notice(ROOMS_BUCKET, f"{ROOM}/models/x/model.json"))))
    assert isinstance(outcome, Poison)
    assert outcome.code == "foreign_key"


EVENTS = ["upload notice", "model notice", "worker", "message lost", "sweep", "restart"]


@settings(max_examples=80)
@given(st.lists(st.sampled_from(EVENTS), max_size=10))
def test_whatever_is_lost_doubled_or_reordered_the_job_ends_with_one_model(events: list[str]) -> None:
    house = House()
    upload = house.completed_upload()
    # After any history, two sweeps with a worker between them have to be enough. Each comes long after the
    # one before, since a message is sent again only when the wait has doubled.
    for moment, event in enumerate([*events, "sweep", "worker", "sweep"], start=1):
        match event:
            case "upload notice":
                house.dispatched(upload)
            case "model notice":
                announce_models(house)
            case "worker":
                work(house)
            case "message lost":
                house.queue.held.clear()
            case "sweep":
                house.swept(3**moment * HOUR)
            case "restart":
                house.start()
    assert_ended_with_one_model(house, upload)


def assert_ended_with_one_model(house: House, upload: UploadRecord) -> None:
    job = house.job(upload)
    assert states(job) == ["uploaded", "queued", "claimed", "uploading", "published"]
    assert [model.training.job_id for model in house.manifest().models.values()] == [job.job_id]
    assert house.manifest().revision == 1
    assert house.told() == ["queued", "published"]


def announce_models(house: House) -> None:
    """Deliver the notice of every model that there is, or of one that is still to come."""
    prefix = keys.models_prefix(ROOM)
    found = [f"{prefix}{name}/model.json" for name in house.rooms.folders(prefix)]
    for key in found or [f"{prefix}centroid_0badcafe/model.json"]:
        run(house.publish.handle(message(notice(ROOMS_BUCKET, key))))


def work(house: House) -> None:
    """Let a worker act on every message that is on the queue, as often as it is there."""
    for job_id in house.sent():
        try:
            job = house.jobs.get(ROOM, job_id)
        except NotFound:
            continue
        if job.state in WAITING:
            house.trained(house.claimed(job))
    house.queue.held.clear()


SECOND = ModelTurn(index=1, count=2)


def test_the_first_of_two_models_is_published_and_the_job_goes_on(house: House) -> None:
    job = house.claimed(house.queued())
    first = house.trained_first_of_two(job)
    for _ in range(2):
        assert house.announced(first) == Done()
    assert (list(house.manifest().models), house.job(job).state) == ([first.model_id], JobState.TRAINING)
    assert house.told().count("published") == 1
    second = house.trained(job, b"the second", turn=SECOND)
    assert house.announced(second) == Done()
    assert set(house.manifest().models) == {first.model_id, second.model_id}
    assert [made.model_id for made in house.job(job).made] == [first.model_id, second.model_id]
    assert states(house.job(job))[-3:] == ["training", "uploading", "published"]


def test_the_last_model_takes_those_along_whose_notices_were_lost(house: House) -> None:
    job = house.claimed(house.queued())
    first = house.trained_first_of_two(job)
    second = house.trained(job, b"the second", turn=SECOND)
    house.announced(second)
    assert set(house.manifest().models) == {first.model_id, second.model_id}
    assert house.job(job).state is JobState.PUBLISHED


def test_a_model_that_was_sent_before_its_worker_was_lost_is_published_all_the_same(house: House) -> None:
    job = house.claimed(house.queued())
    first = house.trained_first_of_two(job)
    later = house.claimed(job, "w2", in_an_hour())
    assert house.announced(first) == Done()
    second = house.trained(later, b"the second", turn=SECOND)
    house.announced(second)
    assert house.job(job).state is JobState.PUBLISHED


def test_a_job_does_not_end_while_a_model_of_it_cannot_be_published(house: House) -> None:
    job = house.claimed(house.queued())
    first = house.trained_first_of_two(job)
    second = house.trained(job, b"the second", turn=SECOND)
    house.rooms.delete(folder_of(first).file("best.ckpt"))
    assert isinstance(house.announced(second), Poison)
    house.swept()
    failure = house.job(job).failure
    assert failure is not None
    assert failure.code == "model_refused"


def test_a_model_out_of_its_turn_is_refused(house: House) -> None:
    job = house.claimed(house.queued())
    assert_refused(house, house.trained(job, turn=SECOND), "model 2 of its job, and 0 of them are there")


def test_what_a_worker_leaves_is_in_the_room_and_the_job_goes_on(house: House) -> None:
    job = house.claimed(house.queued())
    left = house.trained(job, b"so far", interim=True)
    house.jobs.change(
        ROOM,
        job.job_id,
        lambda present: job_steps.given_back(
            present, 1, datetime.now(UTC), "the worker shut down", 0, 3, counts=False
        ),
    )
    assert house.announced(left) == Done()
    assert (list(house.manifest().models), house.job(job).state) == ([left.model_id], JobState.REQUEUED)
    later = house.claimed(house.job(job), "w2")
    record = house.trained(later)
    house.announced(record)
    assert [made.model_id for made in house.job(job).made] == [record.model_id]
    assert set(house.manifest().models) == {left.model_id, record.model_id}


def test_a_late_notice_from_a_room_that_was_there_for_a_check_is_no_dead_letter(house: House) -> None:
    gone = keys.ModelFolder("check-a1b2", "centroid", "0f1e2d3c")
    assert run(house.publish.handle(message(notice(ROOMS_BUCKET, gone.record)))) == Done()
    house.put(keys.room_key("check-a1b2"), b"{}")
    assert isinstance(run(house.publish.handle(message(notice(ROOMS_BUCKET, gone.record)))), Poison)
