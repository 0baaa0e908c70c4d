"""Jobs that predict poses: what may be asked, how their records read, and the report that ends them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter, ValidationError
from support.jobs import CHECKSUM, LEASE_S, MOST_ATTEMPTS, NOON, ROOM, House, claim, queued_job, states

from sleap_rtc.events import job_steps
from sleap_rtc.events.inference import AskInference, FixedModel, InferenceRequest, ResultFile, TrackOptions
from sleap_rtc.events.job_reports import Advanced, Finished, JobRules, reported
from sleap_rtc.events.jobs import AskedRequest, CancelRefused, Job, JobEnded, JobRequest, JobState, LeaseLost
from sleap_rtc.events.messages import RoomEvent
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from sleap_rtc.events.job_reports import Report

GOLDEN = Path(__file__).parent / "golden"
RULES = JobRules(LEASE_S, MOST_ATTEMPTS)
ANIMAL = FixedModel(name="animal", model_id="0badcafe", model_type="single_instance")
INFERENCE = InferenceRequest(models=(ANIMAL,), options=TrackOptions(frames="suggested", peak_threshold=0.3))
POSES = ResultFile(name="mice.predictions.slp", size_bytes=5, checksum=CHECKSUM)
DONE = Finished(results=(POSES,))


def held(request: JobRequest | InferenceRequest = INFERENCE) -> Job:
    return claim(queued_job(request=request))


def after(job: Job, report: Report, fencing: int = 1) -> Job:
    return reported(job, report, fencing, NOON, RULES)


def asked(value: Any) -> JobRequest | AskInference:
    return TypeAdapter[JobRequest | AskInference](AskedRequest).validate_python(value)


def test_the_report_ends_the_job_with_its_results_and_the_room_is_told() -> None:
    job = after(after(held(), Advanced(state=JobState.UPLOADING)), DONE)
    assert (job.state, job.results, job.lease, job.model_id) == (JobState.PUBLISHED, (POSES,), None, None)
    assert job.history[-1].by == "w1"
    assert RoomEvent.of_step(job, len(job.history) - 1).text == "predictions: mice.predictions.slp"
    with pytest.raises(JobEnded):
        claim(job, "w2", NOON + timedelta(days=1))


def test_the_report_whose_reply_was_lost_counts_once() -> None:
    job = after(held(), DONE)
    assert after(job, DONE) is job
    with pytest.raises(LeaseLost):
        after(job, Finished(results=(POSES.model_copy(update={"size_bytes": 6}),)))


def test_the_report_of_a_worker_that_was_lost_is_refused() -> None:
    later = NOON + timedelta(seconds=LEASE_S + 1)
    job = claim(held(), "w2", later, "another message")
    with pytest.raises(LeaseLost):
        after(job, DONE, fencing=1)
    assert after(job, DONE, fencing=2).results_folder == keys.ResultsFolder(ROOM, job.job_id, 2)


def test_predictions_that_are_on_their_way_are_not_cancelled() -> None:
    job = after(held(), Advanced(state=JobState.UPLOADING))
    with pytest.raises(CancelRefused, match="its predictions are on their way"):
        job_steps.cancelled(job, NOON, "Ada")


def test_a_training_does_not_end_with_predictions() -> None:
    with pytest.raises(InputError, match="ends with a model"):
        after(held(JobRequest()), DONE)


def test_what_holders_left_that_did_not_come_to_report_it_goes_with_the_job() -> None:
    house = House()
    job = house.queued()
    house.jobs.change(ROOM, job.job_id, lambda present: present.model_copy(update={"request": INFERENCE}))
    first, second = (keys.ResultsFolder(ROOM, job.job_id, number) for number in (1, 2))
    for folder in (first, second):
        house.put(folder.file("mice.predictions.slp"), b"poses")
    later = NOON + timedelta(days=1)
    house.jobs.change(ROOM, job.job_id, lambda present: claim(present, "w1", NOON))
    house.jobs.change(ROOM, job.job_id, lambda present: claim(present, "w2", later, "another message"))
    house.jobs.change(ROOM, job.job_id, lambda present: reported(present, DONE, 2, later, RULES))
    left = [info.key for info in house.rooms.list(keys.results_prefix(ROOM, job.job_id))]
    assert left == [second.file("mice.predictions.slp")]
    assert house.marked() == []


def test_a_record_from_before_there_were_inferences_is_read_and_written_as_it_was() -> None:
    text = (GOLDEN / "job_before_inference.json").read_text("utf-8")
    job = Job.model_validate_json(text)
    assert job.request == JobRequest(trainer="reference", overrides={"trainer_config.max_epochs": "5"})
    assert states(job)[-1] == "claimed"
    # What a version before this one cannot read in the record of a training is not written there.
    assert json.loads(job.request.model_dump_json()) == json.loads(text)["request"]


def test_the_record_of_an_inference_is_pinned() -> None:
    golden = json.loads((GOLDEN / "job_inference.json").read_text("utf-8"))
    job = after(held(), DONE)
    assert job.model_dump(mode="json", include=set(golden)) == golden
    assert Job.model_validate(golden) == job


def test_a_request_without_a_kind_trains() -> None:
    assert asked({}) == JobRequest()
    assert asked({"type": "inference", "models": ["animal@2"]}) == AskInference(models=("animal@2",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "evaluation"},
        {"type": ["inference"]},
        {"type": "inference", "overrides": {}},
        {"type": "inference", "models": ["../x"]},
        {"type": "inference", "models": ["a"] * 5},
        {"type": "inference", "options": {"device": "cuda"}},
        {"type": "inference", "options": {"batch_size": 0}},
        {"type": "inference", "options": {"peak_threshold": "nan"}},
        {"type": "training", "models": ["animal"]},
    ],
)
def test_what_nobody_may_ask_for_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        asked(wrong)


def test_options_are_spelt_as_sleap_nn_spells_them() -> None:
    options = TrackOptions(
        frames="labeled", batch_size=8, peak_threshold=0.25, max_instances=2, tracking=True
    )
    assert options.arguments == (
        *("--only_labeled_frames", "--tracking"),
        *("--batch_size", "8", "--peak_threshold", "0.25", "--max_instances", "2"),
    )
    assert TrackOptions().arguments == ()


@pytest.mark.parametrize("name", ["../job.json", "a/b", "", ".hidden", "x" * 200])
def test_a_result_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        ResultFile(name=name, size_bytes=1, checksum=CHECKSUM)
    with pytest.raises(InputError):
        keys.ResultsFolder(ROOM, "01J00000000000000000000000", 1).file(name)
