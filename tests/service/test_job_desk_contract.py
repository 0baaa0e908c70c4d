"""A desk that works on the records and one that asks the service give the same answers to a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.desktop import COLLEAGUE, Lab, MemoryLab, ServiceLab, hold_of, states

from sleap_rtc.events import job_asks, job_steps
from sleap_rtc.events.inference import InferenceRequest, ResultFile
from sleap_rtc.events.job_commands import CommandAnswer, Pause
from sleap_rtc.events.job_reports import Advanced, Failed, Finished, GivenBack, Hold, Obeyed, Renewed
from sleap_rtc.events.job_samples import LARGEST_SAMPLE_BYTES
from sleap_rtc.events.jobs import JobCancelled, JobClaimed, JobEnded, JobNotReady, JobState, LeaseLost
from sleap_rtc.events.workers import WorkerView
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.own_session import CHECKSUM

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.events.job_reports import Report
    from sleap_rtc.events.jobs import Job

DOWNLOADING = Advanced(state=JobState.DOWNLOADING)
UPLOADING = Advanced(state=JobState.UPLOADING, note="model", model_id="0badcafe", model_type="centroid")
BROKEN = Failed(code="training_failed", message="It stopped.")
LATER = GivenBack(reason="the store was away", delay_s=60, counts=True)
NEVER = "01J00000000000000000000000"
PNG = b"\x89PNG\r\n\x1a\nthe rest"
COMMAND_ID = "01J00000000000000000000001"
POSES = b"poses"
RESULT = ResultFile(name="mice.predictions.slp", size_bytes=len(POSES), checksum=to_text(crc64nvme(POSES)))
FINISHED = Finished(results=(RESULT,))
OBEYED = Obeyed(command_id=COMMAND_ID, answer=CommandAnswer(outcome="done", text="paused"))


@pytest.fixture(params=["records", "service"])
def lab(request: pytest.FixtureRequest) -> Lab:
    if request.param == "records":
        return MemoryLab()
    return ServiceLab(request.getfixturevalue("product"))


def changed(lab: Lab, hold: Hold, change: Callable[[Job], Job]) -> None:
    """Let somebody else change the job."""
    lab.jobs.change(hold.room_id, hold.job_id, change)


def cancelled(lab: Lab, hold: Hold) -> None:
    changed(lab, hold, lambda job: job_steps.cancelled(job, datetime.now(UTC), "Ada"))


def asked(lab: Lab, hold: Hold) -> None:
    """Let somebody give the holder a command."""
    changed(lab, hold, lambda job: job_asks.asked(job, COMMAND_ID, Pause(), "Ada", datetime.now(UTC)))


def expired(lab: Lab, hold: Hold) -> None:
    """Let the lease run out."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    changed(
        lab,
        hold,
        lambda job: job.model_copy(
            update={"lease": job.lease and job.lease.model_copy(update={"until": past})}
        ),
    )


def test_a_claimed_job_is_the_workers(lab: Lab) -> None:
    job = lab.desk().claim(lab.room_id, lab.queued().job_id, "w1", "m1")
    assert (job.state, job.fencing, job.attempt) == ("claimed", 1, 1)
    assert job.lease is not None
    assert job.lease.worker_id == "w1"
    assert lab.desk().look(hold_of(job)) == job


def test_a_job_goes_through_its_steps_and_the_room_is_told(lab: Lab) -> None:
    hold = lab.claimed()
    lab.desk().report(hold, DOWNLOADING)
    job = lab.desk().report(hold, UPLOADING)
    assert (job.state, job.model_id, job.model_type) == ("uploading", "0badcafe", "centroid")
    assert lab.told() == ["claimed", "downloading", "uploading"]


def test_a_claim_whose_reply_was_lost_is_given_again(lab: Lab) -> None:
    job_id = lab.queued().job_id
    first = lab.desk().claim(lab.room_id, job_id, "w1", "m1")
    again = lab.desk().claim(lab.room_id, job_id, "w1", "m1")
    assert (again.fencing, again.attempt, states(again)) == (1, 1, states(first))
    assert lab.told() == ["claimed"]


@pytest.mark.parametrize(("worker_id", "event"), [("w2", "m1"), ("w1", "m2")])
def test_a_held_job_is_nobody_elses(lab: Lab, worker_id: str, event: str) -> None:
    hold = lab.claimed("w1")
    with pytest.raises(JobClaimed, match="held by w1") as refused:
        lab.desk().claim(lab.room_id, hold.job_id, worker_id, event)
    assert refused.value.worker_id == "w1"
    assert refused.value.remaining_s > 0


def test_the_same_worker_id_of_another_member_does_not_get_the_claim(lab: Lab) -> None:
    hold = lab.claimed("w1")
    with pytest.raises(JobClaimed):
        lab.desk(COLLEAGUE).claim(lab.room_id, hold.job_id, "w1", "m1")


def test_a_job_that_went_on_is_not_claimed_again_by_its_own_message(lab: Lab) -> None:
    hold = lab.claimed("w1")
    lab.desk().report(hold, DOWNLOADING)
    with pytest.raises(JobClaimed):
        lab.desk().claim(lab.room_id, hold.job_id, "w1", "m1")


def test_a_lost_job_is_claimed_by_the_next_with_a_higher_number(lab: Lab) -> None:
    hold = lab.claimed("w1")
    expired(lab, hold)
    job = lab.desk(COLLEAGUE).claim(lab.room_id, hold.job_id, "w2", "m2")
    assert (job.fencing, states(job)[-3:]) == (2, ["lost", "requeued", "claimed"])
    with pytest.raises(LeaseLost, match="number 1, now 2") as lost:
        lab.desk().report(hold, DOWNLOADING)
    assert (lost.value.held, lost.value.current) == (1, 2)


def test_there_is_no_such_job(lab: Lab) -> None:
    with pytest.raises(NotFound):
        lab.desk().claim(lab.room_id, NEVER, "w1", "m1")


def test_an_ended_job_is_said_to_have_ended(lab: Lab) -> None:
    hold = lab.claimed()
    cancelled(lab, hold)
    with pytest.raises(JobEnded) as ended:
        lab.desk().claim(lab.room_id, hold.job_id, "w1", "m1")
    assert ended.value.state is JobState.CANCELLED


def test_a_job_that_waits_says_for_how_long(lab: Lab) -> None:
    hold = lab.claimed()
    lab.desk().report(hold, LATER)
    with pytest.raises(JobNotReady, match="waits before it is tried again") as waits:
        lab.desk().claim(lab.room_id, hold.job_id, "w1", "m1")
    assert 0 < waits.value.remaining_s <= 60


def test_a_cancelled_job_is_taken_from_its_holder_who_learns_by_whom(lab: Lab) -> None:
    hold = lab.claimed()
    cancelled(lab, hold)
    for tell in (partial(lab.desk().look, hold), partial(lab.desk().report, hold, Renewed())):
        with pytest.raises(JobCancelled, match="cancelled by Ada") as told:
            tell()
        assert told.value.by == "Ada"


def test_a_renewal_leaves_no_edge(lab: Lab) -> None:
    hold = lab.claimed()
    before = lab.job(hold)
    after = lab.desk().report(hold, Renewed())
    assert after.history == before.history
    assert after.lease is not None
    assert before.lease is not None
    assert after.lease.until > before.lease.until


@pytest.mark.parametrize("report", [DOWNLOADING, UPLOADING, BROKEN, LATER], ids=lambda report: report.kind)
def test_a_report_whose_reply_was_lost_counts_once(lab: Lab, report: Report) -> None:
    hold = lab.claimed()
    first = lab.desk().report(hold, report)
    again = lab.desk().report(hold, report)
    assert again == first
    assert lab.told() == ["claimed", first.state]


@pytest.mark.parametrize("report", [DOWNLOADING, BROKEN, LATER, Renewed()], ids=lambda report: report.kind)
def test_another_members_hold_is_not_reported_on(lab: Lab, report: Report) -> None:
    hold = lab.claimed()
    with pytest.raises(LeaseLost):
        lab.desk(COLLEAGUE).report(hold, report)
    with pytest.raises(LeaseLost):
        lab.desk(COLLEAGUE).look(hold)
    assert states(lab.job(hold)) == ["uploaded", "queued", "claimed"]


def test_a_number_that_was_never_given_out_holds_nothing(lab: Lab) -> None:
    hold = lab.claimed()
    forged = Hold(hold.room_id, hold.job_id, 7)
    for tell in (lambda: lab.desk().report(forged, BROKEN), lambda: lab.desk().write_log(forged, 1, "x")):
        with pytest.raises(LeaseLost):
            tell()


def log_of(lab: Lab, hold: Hold, segment: int) -> str:
    return lab.rooms.get(keys.log_key(hold.room_id, hold.job_id, segment)).body.decode()


def test_the_first_writing_of_a_piece_of_the_log_counts(lab: Lab) -> None:
    hold = lab.claimed()
    lab.desk().write_log(hold, 100_001, "Mäuse\n")
    lab.desk().write_log(hold, 100_001, "something else")
    assert log_of(lab, hold, 100_001) == "Mäuse\n"


def test_the_last_lines_of_a_job_that_was_lost_are_kept(lab: Lab) -> None:
    hold = lab.claimed("w1")
    expired(lab, hold)
    lab.desk(COLLEAGUE).claim(lab.room_id, hold.job_id, "w2", "m2")
    lab.desk().write_log(hold, 100_002, "it was cancelled")
    assert log_of(lab, hold, 100_002) == "it was cancelled"


def test_another_member_does_not_write_the_log_of_a_held_job(lab: Lab) -> None:
    hold = lab.claimed()
    with pytest.raises(LeaseLost):
        lab.desk(COLLEAGUE).write_log(hold, 100_001, "not from here")


def live_of(lab: Lab, hold: Hold, seq: int) -> str:
    key = keys.progress_key(hold.room_id, hold.job_id, hold.fencing, seq)
    return lab.rooms.get(key).body.decode()


def test_the_first_writing_of_live_events_counts(lab: Lab) -> None:
    hold = lab.claimed()
    lab.desk().write_progress(hold, 12, '{"text":"Mäuse\u2028"}\n')
    lab.desk().write_progress(hold, 12, "something else")
    assert live_of(lab, hold, 12) == '{"text":"Mäuse\u2028"}\n'


def test_the_last_events_of_a_job_that_was_lost_are_kept_as_those_of_their_run(lab: Lab) -> None:
    hold = lab.claimed("w1")
    expired(lab, hold)
    lab.desk(COLLEAGUE).claim(lab.room_id, hold.job_id, "w2", "m2")
    lab.desk().write_progress(hold, 7, "the end\n")
    assert live_of(lab, hold, 7) == "the end\n"


def test_events_of_a_held_job_are_its_holders(lab: Lab) -> None:
    hold = lab.claimed()
    with pytest.raises(LeaseLost):
        lab.desk(COLLEAGUE).write_progress(hold, 1, "not from here")
    with pytest.raises(LeaseLost):
        lab.desk().write_progress(Hold(hold.room_id, hold.job_id, 7), 1, "never given out")


def sample_of(lab: Lab, hold: Hold) -> bytes:
    return lab.rooms.get(keys.sample_key(hold.room_id, hold.job_id, "frame-7.png")).body


def test_a_picture_takes_the_place_of_an_earlier_one(lab: Lab) -> None:
    hold = lab.claimed()
    lab.desk().write_sample(hold, "frame-7.png", PNG)
    lab.desk().write_sample(hold, "frame-7.png", PNG + b"newer")
    assert sample_of(lab, hold) == PNG + b"newer"


def test_a_picture_of_a_holder_that_was_lost_takes_the_place_of_none(lab: Lab) -> None:
    hold = lab.claimed("w1")
    expired(lab, hold)
    job = lab.desk(COLLEAGUE).claim(lab.room_id, hold.job_id, "w2", "m2")
    lab.desk(COLLEAGUE).write_sample(hold_of(job), "frame-7.png", PNG + b"newer")
    lab.desk().write_sample(hold, "frame-7.png", PNG + b"stale")
    assert sample_of(lab, hold) == PNG + b"newer"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("frame-7.png", b"GIF89a", "not a PNG"),
        ("frame-7.png", PNG + bytes(LARGEST_SAMPLE_BYTES), "too large"),
        ("frame-7.exe", PNG, "not a name"),
        (".png", PNG, "not a name|content|name"),
    ],
    ids=["another kind", "too large", "another name", "no name"],
)
def test_what_is_no_picture_is_not_kept(lab: Lab, name: str, content: bytes, why: str) -> None:
    hold = lab.claimed()
    with pytest.raises(InputError, match=why):
        lab.desk().write_sample(hold, name, content)
    assert list(lab.rooms.list(keys.samples_prefix(hold.room_id, hold.job_id))) == []


def test_pictures_of_a_held_job_are_its_holders(lab: Lab) -> None:
    hold = lab.claimed()
    with pytest.raises(LeaseLost):
        lab.desk(COLLEAGUE).write_sample(hold, "frame-7.png", PNG)


def test_an_answer_is_noted_once_and_the_room_is_not_told(lab: Lab) -> None:
    hold = lab.claimed()
    asked(lab, hold)
    job = lab.desk().report(hold, OBEYED)
    again = lab.desk().report(hold, OBEYED.model_copy(update={"answer": CommandAnswer.refused("no")}))
    assert [each.answer for each in again.asked] == [each.answer for each in job.asked] == [OBEYED.answer]
    assert (lab.told(), states(again)) == (["claimed"], ["uploaded", "queued", "claimed"])


def test_an_answer_may_come_just_after_the_job_was_cancelled(lab: Lab) -> None:
    hold = lab.claimed()
    asked(lab, hold)
    cancelled(lab, hold)
    lab.desk().report(hold, OBEYED)
    assert lab.job(hold).asked[0].answer == OBEYED.answer


def test_nobody_else_answers_for_the_holder(lab: Lab) -> None:
    hold = lab.claimed()
    asked(lab, hold)
    for desk, held in ((lab.desk(COLLEAGUE), hold), (lab.desk(), Hold(hold.room_id, hold.job_id, 7))):
        with pytest.raises(LeaseLost):
            desk.report(held, OBEYED)
    assert lab.job(hold).asked[0].answer is None


def test_a_look_shows_what_was_asked(lab: Lab) -> None:
    hold = lab.claimed()
    asked(lab, hold)
    (shown,) = lab.desk().look(hold).asked
    assert (shown.command, shown.run) == (Pause(), hold.fencing)


def test_a_worker_says_that_it_is_there(lab: Lab) -> None:
    now = datetime.now(UTC)
    view = WorkerView(
        room_id=lab.room_id,
        worker_id="gpu-1.lab-0a1b",
        kind="desktop",
        trainer="reference",
        started_at=now,
        until=now + timedelta(seconds=60),
        peer_id="ada#worker-1",
        models=("0a1b2c3d",),
        gpu="1: NVIDIA A40",
    )
    lab.desk().check_in(view)
    stored = lab.rooms.get(keys.worker_key(lab.room_id, view.worker_id)).body
    assert WorkerView.model_validate_json(stored) == view


def test_of_a_flood_of_lines_the_end_is_kept(lab: Lab) -> None:
    hold = lab.claimed()
    lab.desk().write_log(hold, 100_001, "line\n" * 300_000 + "the end")
    assert log_of(lab, hold, 100_001).endswith("the end")


def predicting(lab: Lab, worker_id: str = "w1") -> Hold:
    """Return the hold of a worker that has just claimed an inference."""
    queued = lab.queued(request=InferenceRequest())
    return hold_of(lab.desk().claim(lab.room_id, queued.job_id, worker_id, "m1"))


def bring(lab: Lab, hold: Hold, content: bytes = POSES) -> None:
    """Leave a result as a verified upload does."""
    key = keys.ResultsFolder(hold.room_id, hold.job_id, hold.fencing).file(RESULT.name)
    metadata = {CHECKSUM: to_text(crc64nvme(content))}
    lab.rooms.put(key, content, Overwrite(), "application/octet-stream", metadata)


def test_an_inference_ends_with_the_results_that_its_holder_brought(lab: Lab) -> None:
    hold = predicting(lab)
    bring(lab, hold)
    job = lab.desk().report(hold, FINISHED)
    assert (job.state, job.results) == (JobState.PUBLISHED, (RESULT,))
    assert lab.desk().report(hold, FINISHED) == job
    assert lab.told() == ["claimed", "published"]


@pytest.mark.parametrize(("content", "why"), [(None, "is not there"), (b"other", "is not the file")])
def test_results_are_looked_at_before_they_count(lab: Lab, content: bytes | None, why: str) -> None:
    hold = predicting(lab)
    if content is not None:
        bring(lab, hold, content)
    with pytest.raises(InputError, match=why):
        lab.desk().report(hold, FINISHED)
    assert (lab.job(hold).state, lab.job(hold).results) == (JobState.CLAIMED, ())


def test_a_lost_worker_ends_no_inference_and_its_results_are_not_those_of_the_next(lab: Lab) -> None:
    hold = predicting(lab)
    bring(lab, hold)
    expired(lab, hold)
    lab.desk(COLLEAGUE).claim(lab.room_id, hold.job_id, "w2", "m2")
    with pytest.raises(LeaseLost):
        lab.desk().report(hold, FINISHED)
    with pytest.raises(InputError, match="is not there"):
        lab.desk(COLLEAGUE).report(Hold(hold.room_id, hold.job_id, 2), FINISHED)


def test_a_training_does_not_end_with_results(lab: Lab) -> None:
    hold = lab.claimed()
    with pytest.raises(InputError, match="ends with a model"):
        lab.desk().report(hold, FINISHED)
