"""What people do with jobs: the same request twice, too early, too late, and for what is not there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.jobs import CHECKSUM, HOUR, ROOM, House, accept, upload_of
from support.loop import run
from ulid import ULID

from sleap_rtc.events import job_steps
from sleap_rtc.events.api import SubmitJob
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.jobs import CancelRefused, Job, JobRequest, JobState, RetryRefused
from sleap_rtc.events.shared_dataset import SubmitSharedJob
from sleap_rtc.events.waiting import WaitCause
from sleap_rtc.events.workers import WorkerView
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.identity import Caller
from sleap_rtc.service.job_requests import JobRequests
from sleap_rtc.service.jobs import Jobs
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, NotFound, ObjectChanged, Unreachable
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from sleap_rtc.events.uploads import UploadRecord

ADA = Caller("ada", "Ada L.")
BOB = Caller("bob", "Bob")
STEPS = (JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING)
UNENDED = ("queued", "claimed", "downloading", "training")
UNKNOWN = "01J00000000000000000000009"


class Desk:
    """The jobs of a room as the service has them, and a worker that takes them."""

    def __init__(self) -> None:
        self.house = House()
        datasets = DatasetIndex(self.house.uploads, self.house.rooms)
        house = self.house
        requests = JobRequests(house.models)
        self.jobs = Jobs(house.rooms, house.jobs, datasets, house.dispatch, house.feed, requests)

    def dataset(self) -> UploadRecord:
        """Return a dataset in the room that nobody asked a job for."""
        record = self.house.completed_upload(job=None, job_id=None, created_at=datetime.now(UTC))
        self.house.dispatched(record)
        return record

    def submit(self, record: UploadRecord, submission: str = "", room: str = ROOM) -> Job:
        request = SubmitJob(upload_id=record.upload_id, job=JobRequest(), submission_id=submission)
        return run(self.jobs.submit(room, request, ADA))

    def retry(self, job: Job, submission: str = "again") -> Job:
        return run(self.jobs.retry(ROOM, job.job_id, submission, BOB))

    def job_in(self, state: str) -> Job:
        """Return a job that has come as far as this."""
        job = self.submit(self.dataset(), "first")
        if state == "queued":
            return job
        job = self.house.claimed(job)
        for step in STEPS:
            if job.state == state:
                return job
            job = self.changed(job, step)
        return job

    def changed(self, job: Job, step: JobState) -> Job:
        def advanced(present: Job) -> Job:
            return job_steps.advanced(present, step, present.fencing, datetime.now(UTC))

        return self.house.jobs.change(ROOM, job.job_id, advanced)

    def failed(self) -> Job:
        def to_failed(present: Job) -> Job:
            return job_steps.failed(present, datetime.now(UTC), "w1", "training_failed", "No.")

        return self.house.jobs.change(ROOM, self.job_in("training").job_id, to_failed)

    def cancel(self, job: Job, caller: Caller = ADA) -> Job:
        return self.jobs.cancel(ROOM, job.job_id, caller)

    def is_marked_open(self, job: Job) -> bool:
        prefix = keys.open_jobs_prefix(ROOM)
        return f"{prefix}{job.job_id}" in {found.key for found in self.house.rooms.list(prefix)}

    def ids(self) -> list[str]:
        return [job.job_id for job in self.jobs.view_all(ROOM, 1000, only_open=False)]

    def told_of(self, job: Job) -> list[str]:
        return [event.state for event in self.house.feed.since(ROOM) if event.job_id == job.job_id]


@pytest.fixture
def desk() -> Desk:
    return Desk()


# Submit


def test_the_same_submission_is_one_job(desk: Desk) -> None:
    record = desk.dataset()
    first, again, other = (desk.submit(record, name) for name in ("one", "one", "two"))
    assert first.job_id == again.job_id != other.job_id
    assert desk.house.sent() == [first.job_id, other.job_id]
    assert [desk.is_marked_open(job) for job in (first, other)] == [True, True]
    assert len(list(desk.house.rooms.list(keys.open_jobs_prefix(ROOM)))) == 2


def test_a_submission_without_an_id_is_taken_for_the_first_job_only(desk: Desk) -> None:
    record = desk.dataset()
    first = desk.submit(record)
    with pytest.raises(InputError, match=f"has a job already: {first.job_id}"):
        desk.submit(record)
    assert len(list(desk.house.rooms.list(keys.open_jobs_prefix(ROOM)))) == 1


def test_an_upload_of_another_room_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.submit(desk.dataset(), "one", room="mice-2")


def test_an_upload_that_is_not_complete_gets_no_job(desk: Desk) -> None:
    with pytest.raises(InputError, match="is open, not complete"):
        desk.submit(desk.house.completed_upload(state="open", job=None, job_id=None), "one")


@settings(max_examples=30)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6))
def test_however_often_submissions_come_each_is_one_job(submissions: list[str]) -> None:
    desk = Desk()
    record = desk.dataset()
    made = {name: desk.submit(record, name).job_id for name in submissions}
    desk.house.dispatched(record)  # S3 says once more that the dataset is there
    assert sorted(desk.ids()) == sorted(made.values()) == sorted(desk.house.sent())


# Cancel


@pytest.mark.parametrize("state", UNENDED)
def test_a_job_is_cancelled_before_it_is_trained(desk: Desk, state: str) -> None:
    job = desk.job_in(state)
    assert desk.is_marked_open(job)
    ended = desk.cancel(job)
    assert (ended.state, ended.lease, ended.history[-1].by) == (JobState.CANCELLED, None, "Ada L.")
    assert desk.told_of(job)[-1] == "cancelled"
    assert not desk.is_marked_open(job)


def test_cancelling_again_changes_nothing_and_tells_nobody(desk: Desk) -> None:
    job = desk.job_in("queued")
    assert desk.cancel(job, ADA) == desk.cancel(job, BOB)
    assert desk.told_of(job).count("cancelled") == 1


def test_a_job_whose_model_is_on_its_way_is_not_cancelled(desk: Desk) -> None:
    job = desk.job_in("uploading")
    with pytest.raises(CancelRefused, match="its model is on its way"):
        desk.cancel(job)
    assert desk.is_marked_open(job)


def test_a_job_whose_model_was_accepted_is_not_cancelled(desk: Desk) -> None:
    job = desk.job_in("training")
    desk.house.jobs.change(ROOM, job.job_id, accept)
    with pytest.raises(CancelRefused, match="its model is on its way"):
        desk.cancel(job)


def test_a_job_that_failed_is_not_cancelled(desk: Desk) -> None:
    with pytest.raises(CancelRefused, match="it is failed"):
        desk.cancel(desk.failed())


def test_a_job_that_is_published_is_not_cancelled(desk: Desk) -> None:
    record = desk.house.finished()
    desk.house.announced(record)
    with pytest.raises(CancelRefused, match="it is published"):
        desk.cancel(desk.house.job_of(record))


@pytest.mark.parametrize("job_id", [UNKNOWN, "../room", "", "x"])
def test_a_job_that_is_not_there_is_not_found(desk: Desk, job_id: str) -> None:
    with pytest.raises(NotFound):
        desk.jobs.cancel(ROOM, job_id, ADA)


# Retry


def test_a_retry_is_a_new_job_for_the_same_dataset(desk: Desk) -> None:
    old = desk.failed()
    new = desk.retry(old)
    assert (new.state, new.retry_of, new.created_by) == (JobState.QUEUED, old.job_id, "bob")
    assert (new.dataset, new.request, new.spent) == (old.dataset, old.request, 0)
    assert desk.house.job(old) == old
    assert (desk.is_marked_open(old), desk.is_marked_open(new)) == (False, True)


def test_the_same_retry_is_one_job(desk: Desk) -> None:
    old = desk.cancel(desk.job_in("training"))
    first, again, other = desk.retry(old), desk.retry(old), desk.retry(old, "another")
    assert first.job_id == again.job_id != other.job_id
    assert desk.ids() == [old.job_id, first.job_id, other.job_id]


@pytest.mark.parametrize("state", [*UNENDED, "uploading"])
def test_a_job_that_has_not_ended_is_not_tried_again(desk: Desk, state: str) -> None:
    with pytest.raises(RetryRefused, match=f"it is {state}"):
        desk.retry(desk.job_in(state))


def test_a_retry_whose_dataset_is_gone_says_so_and_makes_no_job(desk: Desk) -> None:
    record = desk.dataset()
    old = desk.cancel(desk.submit(record, "first"))
    desk.house.uploads.delete(str(upload_of(record)))
    with pytest.raises(ObjectChanged, match=r"Meine Mäuse\.zip .* Upload it again"):
        desk.retry(old)
    assert desk.ids() == [old.job_id]
    assert list(desk.house.rooms.list(keys.open_jobs_prefix(ROOM))) == []


def test_a_retry_whose_dataset_was_replaced_says_so(desk: Desk) -> None:
    record = desk.dataset()
    old = desk.cancel(desk.submit(record, "first"))
    desk.house.put_dataset(record, b"something else")
    with pytest.raises(ObjectChanged):
        desk.retry(old)


# Look


def test_a_view_says_what_a_job_waits_for(desk: Desk) -> None:
    first, second = desk.job_in("queued"), desk.job_in("queued")
    waits = [desk.jobs.view(ROOM, job.job_id).waiting for job in (first, second)]
    assert [(found.position, found.cause) for found in waits if found] == [
        (1, WaitCause.NO_WORKER),
        (2, WaitCause.NO_WORKER),
    ]


def test_a_view_counts_the_workers_that_checked_in_and_passes_over_what_it_cannot_read(desk: Desk) -> None:
    now = datetime.now(UTC)
    view = WorkerView(
        room_id=ROOM,
        worker_id="w1",
        kind="pod",
        trainer="reference",
        started_at=now,
        until=now + timedelta(minutes=6),
    )
    desk.house.rooms.put(keys.worker_key(ROOM, "w1"), view.model_dump_json().encode(), Overwrite())
    desk.house.rooms.put(keys.worker_key(ROOM, "w2"), b"{", Overwrite())
    found = desk.jobs.view(ROOM, desk.job_in("queued").job_id).waiting
    assert found is not None
    assert found.cause is WaitCause.NOTHING


def test_open_jobs_are_those_that_have_not_ended(desk: Desk) -> None:
    running, ended = desk.job_in("training"), desk.cancel(desk.job_in("queued"))
    assert [job.job_id for job in desk.jobs.view_all(ROOM, 50, only_open=True)] == [running.job_id]
    assert [job.job_id for job in desk.jobs.view_all(ROOM, 1, only_open=False)] == [ended.job_id]


def shared(**changed: Any) -> SubmitSharedJob:
    dataset = {"path": "mice/day 3.zip", "size_bytes": 7, "checksum": CHECKSUM}
    asked = {"job_id": str(ULID()), "dataset": {**dataset, **changed}, "job": {"type": "training"}}
    return SubmitSharedJob.model_validate(asked)


def test_a_job_for_a_shared_dataset_is_made_once_however_often_it_is_asked_for(desk: Desk) -> None:
    asked = shared()
    made = [run(desk.jobs.submit_shared(ROOM, asked, ADA)) for _ in range(3)]
    assert {job.job_id for job in made} == {asked.job_id}
    assert (made[0].state, made[0].dataset.type, made[0].dataset.path) == (
        "queued",
        "local",
        "mice/day 3.zip",
    )
    assert desk.house.sent() == [asked.job_id]
    assert desk.told_of(made[0]) == ["queued"]
    assert desk.is_marked_open(made[0])


def test_the_id_of_a_shared_job_stands_for_one_job_of_one_person(desk: Desk) -> None:
    asked = shared()
    run(desk.jobs.submit_shared(ROOM, asked, ADA))
    other = asked.model_copy(update={"dataset": shared(path="rats.zip").dataset})
    for body, caller in ((other, ADA), (asked, BOB)):
        with pytest.raises(KeyReused):
            run(desk.jobs.submit_shared(ROOM, body, caller))


def test_a_shared_job_whose_message_was_not_sent_is_sent_again_by_the_sweep(desk: Desk) -> None:
    desk.house.sends_that_fail = 1
    asked = shared()
    with pytest.raises(Unreachable):
        run(desk.jobs.submit_shared(ROOM, asked, ADA))
    assert desk.house.sent() == []
    desk.house.swept(HOUR)
    assert desk.house.sent() == [asked.job_id]


@pytest.mark.parametrize("path", ["../x.zip", "/x.zip", "a//b", "a\\b", "a/./b", "a\nb", ""])
def test_a_path_that_leads_elsewhere_is_no_shared_dataset(path: str) -> None:
    with pytest.raises(ValidationError):
        shared(path=path)
