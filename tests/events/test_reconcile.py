"""The sweep does what lost events would have done, pays little for it, and lets nothing stop it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.jobs import (
    HOUR,
    LEASE_S,
    MOST_ATTEMPTS,
    PATIENCE,
    ROOM,
    House,
    accept,
    folder_of,
    in_an_hour,
    make_job,
    states,
    upload_of,
)
from support.loop import in_loop, run, until
from support.queues import assert_outage

from sleap_rtc.events import job_steps, jobs
from sleap_rtc.events.jobs import JobModel, JobNotReady, JobRequest, JobState
from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def house() -> House:
    return House()


def running(house: House) -> jobs.Job:
    """Return a job that a worker holds, its message taken off the queue."""
    job = house.claimed(house.queued())
    house.queue.held.clear()
    return job


def reads_of_a_sweep(house: House, later: timedelta = HOUR) -> list[str]:
    house.rooms.read.clear()
    house.swept(later)
    return sorted(house.rooms.read.elements())


def test_an_upload_that_nobody_was_told_of_is_dispatched(house: House) -> None:
    record = house.completed_upload()
    house.swept(HOUR)
    assert states(house.job(record)) == ["uploaded", "queued"]
    assert house.sent() == [record.job_id]


def test_an_upload_whose_event_may_still_come_is_left_to_it(house: House) -> None:
    house.completed_upload()
    house.swept()
    assert house.sent() == []


def test_an_upload_that_is_still_open_is_left_alone(house: House) -> None:
    record = house.completed_upload(state="open")
    house.swept(HOUR)
    assert house.sent() == []
    assert house.marked() == [record.upload_id]


def test_an_upload_that_nobody_ever_completed_is_forgotten_after_its_bytes_were(house: House) -> None:
    house.completed_upload(state="aborted")
    house.swept(timedelta(days=9))
    assert house.marked() == []


def test_a_job_whose_message_could_not_be_sent_is_queued_by_the_sweep(house: House) -> None:
    record = house.completed_upload()
    house.sends_that_fail = 1
    assert_outage(house.dispatched(record))
    house.start()
    house.swept(HOUR)
    assert house.sent() == [record.job_id]


def test_a_job_whose_worker_is_lost_goes_back_to_the_queue(house: House) -> None:
    job = running(house)
    house.swept(HOUR)
    assert states(house.job(job))[-2:] == ["lost", "requeued"]
    assert house.sent() == [job.job_id]


def test_the_room_is_told_of_the_loss_and_of_the_new_attempt(house: House) -> None:
    running(house)
    house.swept(HOUR)
    assert sorted(house.told()) == ["lost", "queued", "requeued"]


def test_a_worker_with_a_lease_is_left_alone(house: House) -> None:
    job = running(house)
    house.swept()
    assert house.job(job) == job


def test_a_worker_is_lost_only_after_its_lease_and_some_patience(house: House) -> None:
    taken = datetime.now(UTC)
    job = house.claimed(house.queued(), now=taken)
    deadline = taken + timedelta(seconds=LEASE_S) + PATIENCE
    run(house.reconcile.sweep(deadline - timedelta(seconds=1)))
    assert house.job(job).state is JobState.CLAIMED
    run(house.reconcile.sweep(deadline))
    assert house.job(job).state is JobState.REQUEUED


def test_a_job_fails_after_its_last_worker_was_lost(house: House) -> None:
    job = running(house)
    for hours in range(1, MOST_ATTEMPTS):
        house.swept(hours * HOUR)
        house.claimed(job, now=datetime.now(UTC) + hours * HOUR)
    house.queue.held.clear()
    house.swept(MOST_ATTEMPTS * HOUR)
    assert states(house.job(job))[-2:] == ["lost", "failed"]
    assert house.sent() == []


def test_a_message_that_was_lost_is_sent_again(house: House) -> None:
    job = house.queued()
    house.queue.held.clear()
    house.swept(HOUR)
    assert house.sent() == [job.job_id]
    assert states(house.job(job)) == ["uploaded", "queued"]


def test_a_queue_with_a_message_for_every_job_has_lost_none(house: House) -> None:
    first, second = house.queued(), house.queued()
    house.swept(2 * PATIENCE)
    assert house.sent() == [first.job_id, second.job_id]


def test_a_job_that_waits_for_hours_is_sent_again_even_then(house: House) -> None:
    job = house.queued()
    house.swept(2 * HOUR)
    assert house.sent() == [job.job_id] * 2


def test_a_message_is_sent_again_only_when_the_wait_has_doubled(house: House) -> None:
    job = house.queued()
    for late in (HOUR, HOUR + 2 * PATIENCE, 2 * HOUR + PATIENCE):
        house.swept(late)
    assert house.sent() == [job.job_id] * 3  # the first, the late one, and the one after twice as long


def test_a_model_that_nobody_was_told_of_is_published(house: House) -> None:
    record = house.finished()
    house.swept(HOUR)
    assert list(house.manifest().models) == [record.model_id]
    assert house.job_of(record).state is JobState.PUBLISHED


def test_a_message_too_many_does_not_train_again_what_nobody_was_told_of_yet(house: House) -> None:
    record = house.finished()
    with pytest.raises(JobNotReady):
        house.claimed(house.job_of(record), "w2", in_an_hour())
    house.swept(HOUR)
    assert house.job_of(record).state is JobState.PUBLISHED
    assert house.job_of(record).attempt == 1


def test_a_job_whose_worker_was_lost_while_it_sent_its_model_goes_back_to_the_queue(house: House) -> None:
    job = house.claimed(house.queued())
    house.jobs.change(
        job.room_id,
        job.job_id,
        lambda present: job_steps.advanced(present, JobState.UPLOADING, job.fencing, datetime.now(UTC)),
    )
    house.swept(HOUR)
    assert house.claimed(job, "w2", in_an_hour()).attempt == 2


def test_a_model_whose_record_is_still_to_come_is_nothing_to_speak_of(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.put(keys.ModelFolder(ROOM, "centroid", "0badcafe").file("best.ckpt"), b"weights")
    house.swept()
    assert (house.manifest().models, caplog.text) == ({}, "")


def test_a_lost_manifest_is_made_again_from_the_models(house: House) -> None:
    records = [house.finished(b"one"), house.finished(b"two")]
    house.swept(HOUR)
    house.rooms.delete(keys.manifest_key(ROOM))
    house.swept_deep()
    assert set(house.manifest().models) == {record.model_id for record in records}


def test_a_job_whose_model_is_in_the_manifest_already_is_ended_not_trained_again(house: House) -> None:
    house.announced(house.finished())
    same = house.finished()
    house.swept(HOUR)
    assert house.job_of(same).state is JobState.PUBLISHED
    assert "lost" not in states(house.job_of(same))


def test_a_refused_model_that_the_next_worker_writes_again_is_published(house: House) -> None:
    held = house.claimed(house.queued())
    taken_over = house.claimed(held, "w2", in_an_hour())
    house.trained(held)
    house.swept_deep()
    record = house.trained(taken_over)
    house.swept_deep()
    assert house.job_of(record).state is JobState.PUBLISHED


def test_a_refused_model_is_only_asked_for_its_version(house: House) -> None:
    held = house.claimed(house.queued())
    house.claimed(held, "w2", in_an_hour())
    key = folder_of(house.trained(held)).record
    house.swept_deep()
    house.rooms.read.clear()
    house.swept_deep()
    assert house.rooms.read[key] == 1


def test_a_house_where_everything_has_ended_costs_one_listing_and_no_read(house: House) -> None:
    for content in (b"one", b"two", b"three"):
        house.announced(house.finished(content))
    house.start()
    house.rooms.listed.clear()
    assert reads_of_a_sweep(house) == []
    assert house.rooms.listed == [keys.OPEN_PREFIX]


def test_a_deep_sweep_costs_one_read_for_each_room(house: House) -> None:
    house.announced(house.finished())
    house.rooms.read.clear()
    house.swept_deep()
    assert list(house.rooms.read.elements()) == [keys.manifest_log_key(ROOM, 2)]


def test_a_job_that_has_not_ended_costs_one_read(house: House) -> None:
    job = running(house)
    assert reads_of_a_sweep(house, timedelta()) == [keys.job_key(ROOM, job.job_id)]


def submitted_later(house: House, job_id: str) -> None:
    """Leave a job that was asked for after its dataset had come, by a service that died before it made it."""
    record = house.completed_upload(job=None, job_id=None)
    house.dispatched(record)
    house.jobs.announce(upload_of(record), job_id, datetime.now(UTC))
    given = {"job": JobRequest(), "job_id": job_id}
    Documents(house.rooms, UploadRecord).change(
        keys.upload_record_key(upload_of(record)), lambda present: present.model_copy(update=given)
    )


def test_a_job_that_was_promised_and_not_made_is_made(house: House) -> None:
    submitted_later(house, "01J00000000000000000000000")
    house.swept()
    assert house.sent() == []
    house.swept(HOUR)
    assert house.sent() == ["01J00000000000000000000000"]


def test_a_promise_that_nobody_was_given_is_forgotten(house: House) -> None:
    record = house.completed_upload()
    house.dispatched(record)
    house.jobs.announce(upload_of(record), "01J00000000000000000000000", datetime.now(UTC))
    house.swept(HOUR)
    assert house.marked() == [record.job_id]


def test_the_marker_of_a_job_that_has_ended_goes_away(house: House) -> None:
    record = house.finished()
    house.announced(record)
    upload = keys.UploadKey(ROOM, f"{ROOM}-{record.job_id}")
    house.jobs.announce(upload, record.job_id, datetime.now(UTC))
    house.swept()
    assert house.marked() == []


def test_an_accepted_model_that_lost_a_file_fails_its_job(house: House) -> None:
    record = house.finished()
    made = JobModel(model_id=record.model_id, model_type=record.model_type)
    house.jobs.change(ROOM, record.job_id, lambda job: accept(job, model=made, turn=record.turn))
    house.rooms.delete(folder_of(record).file("best.ckpt"))
    house.swept()
    failure = house.job_of(record).failure
    assert failure is not None
    assert (failure.code, "best.ckpt is missing" in failure.message) == ("model_refused", True)


@pytest.mark.parametrize("key", ["Mäuse/a.zip", "_backup/jobs/x/job.json", "a.b/manifest.json", "file"])
def test_a_foreign_folder_in_the_bucket_is_passed_over(house: House, key: str) -> None:
    house.put(key, b"not ours")
    record = house.completed_upload()
    house.swept(HOUR)
    house.swept_deep()
    assert key not in house.rooms.read
    assert house.sent() == [record.job_id]


@pytest.mark.parametrize(
    "key",
    [
        keys.job_key(ROOM, "00000000000000000000000000"),
        keys.job_key("another", "00000000000000000000000000"),
        keys.log_key(ROOM, "00000000000000000000000000", 1),
        f"{keys.upload_records_prefix(ROOM)}{ROOM}-00000000000000000000000000.json",
        keys.ModelFolder(ROOM, "centroid", "0badcafe").record,
        keys.manifest_key(ROOM),
        keys.open_job_key(ROOM, "00000000000000000000000000"),
        ".open/odd",
    ],
)
def test_a_record_that_cannot_be_read_does_not_keep_the_others_from_theirs(house: House, key: str) -> None:
    forgotten, lost = house.completed_upload(), running(house)
    house.put(key, b"not a record")
    house.swept(HOUR)
    assert states(house.job(forgotten)) == ["uploaded", "queued"]
    assert states(house.job(lost))[-1] == "requeued"


def test_a_model_whose_job_cannot_be_read_does_not_keep_the_others_from_the_manifest(house: House) -> None:
    records = [house.finished(b"one"), house.finished(b"two")]
    first, second = sorted(records, key=lambda record: record.model_id)
    house.rooms.delete(keys.job_key(ROOM, first.job_id))
    house.put(keys.job_key(ROOM, first.job_id), b"not a record")
    house.swept_deep()
    assert list(house.manifest().models) == [second.model_id]


def test_a_room_whose_queue_is_gone_does_not_keep_the_others_from_theirs(house: House) -> None:
    house.completed_upload(room_id="a-room-without-a-queue")
    record = house.completed_upload()
    house.rooms_without_queue.add("a-room-without-a-queue")
    house.swept(HOUR)
    assert house.sent() == [record.job_id]


def renewed_after_a_look(house: House, job: jobs.Job) -> Callable[[str], None]:
    """Let a worker that had stalled renew its lease just after the sweep has looked at its job."""
    pending = [keys.job_key(ROOM, job.job_id)]

    def after_read(key: str) -> None:
        if key in pending:
            pending.remove(key)
            house.jobs.change(
                ROOM, job.job_id, lambda present: job_steps.renewed(present, 1, in_an_hour(), LEASE_S)
            )

    return after_read


def test_a_worker_that_renews_at_the_last_moment_keeps_its_job(house: House) -> None:
    job = running(house)
    house.swept()
    house.rooms.after_read = renewed_after_a_look(house, job)
    house.swept(HOUR)
    assert states(house.job(job))[-1] == "claimed"
    assert house.told() == ["queued"]


def lost_message(house: House) -> UploadRecord:
    """Leave a job that has waited for an hour, its message gone."""
    record = house.completed_upload()
    job = job_steps.queued(make_job(job_id=record.job_id), datetime.now(UTC) - HOUR, "notice")
    house.jobs.announce(upload_of(record), job.job_id, datetime.now(UTC) - HOUR)
    house.jobs.create(job)
    return record


@in_loop
async def test_the_sweep_runs_until_it_is_stopped(house: House) -> None:
    stop = asyncio.Event()
    sweeping = asyncio.create_task(house.reconcile.run(stop, interval_s=0.01))
    record = lost_message(house)
    await until(lambda: bool(house.queue.held))
    stop.set()
    await sweeping
    assert house.sent() == [record.job_id]


@pytest.mark.parametrize(
    "error", [Unreachable(where="S3", why="down"), NotFound(what="bucket"), ValueError()]
)
@in_loop
async def test_a_sweep_that_failed_does_not_end_the_sweeping(house: House, error: Exception) -> None:
    record = lost_message(house)
    house.rooms.listing_fails_with = [error]
    stop = asyncio.Event()
    sweeping = asyncio.create_task(house.reconcile.run(stop, interval_s=0.01))
    await until(lambda: bool(house.queue.held))
    stop.set()
    await sweeping
    assert house.sent() == [record.job_id]
