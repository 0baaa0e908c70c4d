"""The records of jobs, changed by conditional writes alone."""

from __future__ import annotations

import pytest
from support.jobs import NOON, ROOM, claim, make_job, queued_job

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import Job, JobClaimed
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import NotFound, Refused
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create

JOB_ID = make_job().job_id


@pytest.fixture
def objects() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.fixture
def store(objects: MemoryObjectStore) -> JobStore:
    return JobStore(objects)


def test_a_job_that_nobody_made_is_not_found_by_its_name(store: JobStore) -> None:
    with pytest.raises(NotFound, match=f"job {JOB_ID} in room {ROOM}"):
        store.get(ROOM, JOB_ID)


def test_whoever_creates_second_gets_the_job_that_stands_there(store: JobStore) -> None:
    assert store.create(queued_job(created_by="ada"))[1]
    job, ours = store.create(queued_job(created_by="bob"))
    assert (job.created_by, ours) == ("ada", False)
    assert store.get(ROOM, JOB_ID).created_by == "ada"


def test_a_refused_change_leaves_the_job_as_it_is(store: JobStore) -> None:
    store.create(claim(queued_job()))
    before = store.get(ROOM, JOB_ID)
    with pytest.raises(JobClaimed):
        store.change(ROOM, JOB_ID, lambda job: claim(job, "w2"))
    assert store.get(ROOM, JOB_ID) == before


def test_a_worker_that_was_overtaken_while_it_claimed_is_refused(store: JobStore) -> None:
    store.create(queued_job())
    faster: list[Job] = []

    def overtaken(job: Job) -> Job:
        if not faster:
            faster.append(store.change(ROOM, JOB_ID, lambda present: claim(present, "w2")))
        return claim(job, "w1")

    with pytest.raises(JobClaimed, match="held by w2"):
        store.change(ROOM, JOB_ID, overtaken)
    assert store.get(ROOM, JOB_ID) == faster[0]


def test_the_jobs_of_a_room_are_listed_oldest_first(store: JobStore) -> None:
    for number in (2, 1, 3):
        store.create(queued_job(job_id=f"{number:026}"))
    store.create(queued_job(room_id="rats-2"))
    assert [int(job.job_id) for job in store.newest(ROOM, 50)] == [1, 2, 3]
    assert [int(job.job_id) for job in store.newest(ROOM, 2)] == [2, 3]


def promised(store: JobStore, job: Job) -> Job:
    """Announce a job and make it, as dispatch does."""
    store.announce(keys.UploadKey(job.room_id, f"{job.room_id}-{JOB_ID}"), job.job_id, NOON)
    return store.create(job)[0]


def test_a_job_is_open_until_it_has_ended(store: JobStore) -> None:
    first, second = (promised(store, queued_job(job_id=f"{number:026}")) for number in (1, 2))
    assert [job.job_id for job in store.open(ROOM)] == [first.job_id, second.job_id]
    store.change(ROOM, first.job_id, lambda job: job_steps.cancelled(job, NOON, "ada"))
    assert [job.job_id for job in store.open(ROOM)] == [second.job_id]


def test_a_job_ends_though_its_marker_cannot_be_removed(
    store: JobStore, objects: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = promised(store, queued_job())

    def denied(key: str) -> None:
        raise Refused(where="S3", why="AccessDenied")

    monkeypatch.setattr(objects, "delete", denied)  # a role without that right
    assert store.change(ROOM, JOB_ID, lambda job: job_steps.cancelled(job, NOON, "ada")).ended
    assert [found.job_id for found in store.open(ROOM)] == [job.job_id]


def test_a_promise_says_of_which_upload_the_job_is_to_be_made(store: JobStore) -> None:
    promised(store, queued_job())
    assert store.announced(ROOM, JOB_ID).upload_id == f"{ROOM}-{JOB_ID}"
    store.forget(ROOM, JOB_ID)
    with pytest.raises(NotFound):
        store.announced(ROOM, JOB_ID)


def test_a_log_without_a_job_is_not_listed(store: JobStore, objects: MemoryObjectStore) -> None:
    objects.put(keys.log_key(ROOM, JOB_ID, 1), b"line", Create())
    assert store.newest(ROOM, 50) == []
