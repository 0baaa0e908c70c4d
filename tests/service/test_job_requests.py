"""What the service makes of the names of models: once and for all, or a sentence that says why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.jobs import ROOM, House
from support.loop import run

from sleap_rtc.events.api import SubmitJob
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.inference import AskInference, InferenceRequest, TrackOptions
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.service.identity import Caller
from sleap_rtc.service.job_requests import JobRequests
from sleap_rtc.service.jobs import Jobs
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.manifest_changes import ModelRemoved
from sleap_rtc.storage.registry_changes import AliasSet, Removed

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.manifest import ModelRecord

ADA = Caller("ada", "Ada L.")
MICE = "mice.pkg.slp"


class Room:
    """A room with two models, and the service's idea of what is asked."""

    def __init__(self) -> None:
        self.house = House()
        self.old, self.new = self.published(b"old"), self.published(b"new")
        self.named("animal", self.old)
        self.requests = JobRequests(self.house.models)

    def published(self, content: bytes) -> ModelRecord:
        record = self.house.finished(content)
        self.house.announced(record)
        return record

    def named(self, alias: str, model: ModelRecord, expected: ModelRecord | None = None) -> None:
        before = expected.model_id if expected else None
        change = AliasSet(alias=alias, model_id=model.model_id, expected=before)
        self.house.models.of(ROOM).change(change, "ada", datetime.now(UTC))

    def asks(self, *models: str, file_name: str = MICE) -> InferenceRequest:
        found = self.requests.fixed(ROOM, AskInference(models=models), file_name)
        assert isinstance(found, InferenceRequest)
        return found

    def submits(self, submission: str, *models: str) -> Job:
        house = self.house
        record = house.completed_upload(job=None, job_id=None, file_name=MICE, created_at=datetime.now(UTC))
        house.dispatched(record)
        datasets = DatasetIndex(house.uploads, house.rooms)
        jobs = Jobs(house.rooms, house.jobs, datasets, house.dispatch, house.feed, self.requests)
        asked = SubmitJob(
            upload_id=record.upload_id, job=AskInference(models=models), submission_id=submission
        )
        return run(jobs.submit(ROOM, asked, ADA))


def test_an_alias_that_moves_later_changes_nothing() -> None:
    room = Room()
    job = room.submits("first", "animal")
    room.named("animal", room.new, room.old)
    stands = room.house.job(job).request
    assert isinstance(stands, InferenceRequest)
    (model,) = stands.models
    assert (model.name, model.model_id, model.model_type) == ("animal", room.old.model_id, "centroid")
    (later,) = room.asks("animal").models
    assert later.model_id == room.new.model_id


def test_options_and_order_are_kept_and_trainings_are_left_alone() -> None:
    room = Room()
    options = TrackOptions(peak_threshold=0.5)
    asked = AskInference(models=(room.new.model_id, "animal"), options=options, trainer="reference")
    fixed = room.requests.fixed(ROOM, asked, MICE)
    assert isinstance(fixed, InferenceRequest)
    assert [model.model_id for model in fixed.models] == [room.new.model_id, room.old.model_id]
    assert (fixed.options, fixed.trainer) == (options, "reference")
    training = JobRequest(overrides={"a.b": "1"})
    assert room.requests.fixed(ROOM, training, "mice.zip") is training


def test_a_model_that_the_room_has_not_or_no_more_is_refused() -> None:
    room = Room()
    with pytest.raises(NotFound, match="no model nobody"):
        room.submits("first", "nobody")
    room.house.models.of(ROOM).change(Removed(model_id=room.old.model_id), "ada", datetime.now(UTC))
    with pytest.raises(ModelRemoved):
        room.asks(room.old.model_id)


@pytest.mark.parametrize(
    ("file_name", "models", "why"),
    [
        ("mice.zip", ("animal",), "has its models in it"),
        (MICE, (), "Say which models"),
        ("mice.mp4", ("animal",), "neither a .slp file nor a package"),
    ],
)
def test_models_and_data_that_do_not_go_together_are_refused(
    file_name: str, models: tuple[str, ...], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        Room().asks(*models, file_name=file_name)


def test_a_package_needs_no_model_of_the_room() -> None:
    assert Room().asks(file_name="mice.zip").models == ()
