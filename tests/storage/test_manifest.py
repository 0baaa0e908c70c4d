"""The manifest of a room: models added in any order, any number of times, by anybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage import keys
from sleap_rtc.storage.change_log import Entry
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import Manifest, ModelFile, ModelRecord, model_id_of, with_model
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.registry_changes import AliasSet, RegistryChange
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from random import Random

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
FILES = (
    ModelFile(name="best.ckpt", size_bytes=1_000, checksum="crc64nvme:AAAAAAAAAAE="),
    ModelFile(name="training_config.yaml", size_bytes=20, checksum="crc64nvme:AAAAAAAAAAI="),
)


def record(model_id: str, trained_at: datetime = NOON) -> ModelRecord:
    return ModelRecord(
        model_id=model_id,
        model_type="unet",
        room_id="lab",
        files=FILES,
        job_id="job-1",
        attempt=1,
        fencing=1,
        dataset_checksum="crc64nvme:AAAAAAAAAAM=",
        trainer="reference",
        trained_by="ada",
        trained_on_worker="gpu-1",
        trained_at=trained_at,
        metrics={"val_loss": 0.25},
        traceparent="",
    )


def merged(records: list[ModelRecord]) -> Manifest:
    manifest = Manifest(room_id="lab")
    for each in records:
        manifest = with_model(manifest, each, "rooms")
    return manifest


RECORDS = st.lists(st.sampled_from([record(f"{n:08x}") for n in range(6)]))


@given(RECORDS, st.randoms())
def test_the_order_in_which_models_arrive_does_not_matter(records: list[ModelRecord], random: Random) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    assert merged(records) == merged(shuffled)


@given(RECORDS)
def test_a_model_that_arrives_again_changes_nothing(records: list[ModelRecord]) -> None:
    manifest = merged(records)
    assert all(with_model(manifest, each, "rooms") is manifest for each in records)
    assert manifest.models.keys() == {each.model_id for each in records}


@given(RECORDS)
def test_a_manifest_is_left_as_it_was_by_the_next_one(records: list[ModelRecord]) -> None:
    before = merged(records)
    text = before.model_dump_json()
    with_model(before, record("ffffffff"), "rooms")
    assert before.model_dump_json() == text


def test_a_model_is_shown_with_where_it_lies_and_where_it_comes_from() -> None:
    model = merged([record("01234567")]).models["01234567"]
    assert model.storage.s3_path == "s3://rooms/lab/models/unet_01234567/"
    assert model.storage.s3_path.endswith(str(keys.ModelFolder("lab", "unet", "01234567")))
    assert model.storage.size_bytes == 1_020
    assert model.training.trained_on_worker == "gpu-1"
    assert model.training.metrics == {"val_loss": 0.25}


def test_the_id_of_a_model_never_changes() -> None:
    assert model_id_of(FILES) == "9b7f7a77"


@given(st.permutations(FILES))
def test_the_id_of_a_model_does_not_depend_on_the_order_of_its_files(files: list[ModelFile]) -> None:
    assert model_id_of(files) == model_id_of(FILES)


@pytest.mark.parametrize(
    "change", [{"name": "last.ckpt"}, {"size_bytes": 1_001}, {"checksum": "crc64nvme:AAAAAAAAAAQ="}], ids=str
)
def test_other_content_has_another_id(change: dict[str, object]) -> None:
    assert model_id_of([FILES[0].model_copy(update=change), FILES[1]]) != model_id_of(FILES)


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.fixture
def room(store: MemoryObjectStore) -> RoomStorage:
    return RoomStorage("lab", store, "rooms")


def logged(store: MemoryObjectStore) -> list[Entry[RegistryChange]]:
    entries = [store.get(info.key).body for info in store.list("lab/log/")]
    return [Entry[RegistryChange].model_validate_json(body) for body in entries]


def test_a_room_that_has_published_nothing_has_an_empty_manifest(room: RoomStorage) -> None:
    assert room.manifest() == Manifest(room_id="lab")
    assert room.list_models() == []


def test_a_published_model_is_found_by_its_id(room: RoomStorage) -> None:
    room.publish_model(record("01234567"), NOON)
    assert room.get_model("01234567").id == "01234567"
    assert room.manifest().updated_at == NOON


def test_publishing_twice_changes_nothing(room: RoomStorage, store: MemoryObjectStore) -> None:
    first = room.publish_model(record("01234567"), NOON)
    again = room.publish_model(record("01234567"), NOON + timedelta(hours=1))
    assert again == first
    assert [entry.write_id for entry in logged(store)] == [first.write_id]


def test_every_revision_stands_in_the_log_as_it_was_published(
    room: RoomStorage, store: MemoryObjectStore
) -> None:
    published = [room.publish_model(record(f"{n:08x}"), NOON) for n in range(3)]
    assert [entry.revision for entry in logged(store)] == [1, 2, 3]
    assert [entry.write_id for entry in logged(store)] == [each.write_id for each in published]


def test_a_publisher_that_died_before_the_manifest_is_made_good_by_the_next_run(
    room: RoomStorage, store: MemoryObjectStore
) -> None:
    published = room.publish_model(record("01234567"), NOON)
    store.delete(keys.manifest_key("lab"))
    other = RoomStorage("lab", store, "rooms")
    assert other.publish_model(record("01234567"), NOON) == published
    assert Manifest.model_validate_json(store.get(keys.manifest_key("lab")).body) == published


def test_models_are_listed_newest_first(room: RoomStorage) -> None:
    for hours, model_id in enumerate(["0000000b", "0000000a", "0000000c"]):
        room.publish_model(record(model_id, NOON + timedelta(hours=hours)), NOON)
    assert [model.id for model in room.list_models()] == ["0000000c", "0000000a", "0000000b"]


def test_a_model_is_found_by_its_alias(room: RoomStorage) -> None:
    room.publish_model(record("01234567"), NOON)
    room.change(AliasSet(alias="good", model_id="01234567", expected=None), "ada", NOON)
    assert room.get_model("good").id == "01234567"


def test_a_model_that_the_room_does_not_have_is_not_found(room: RoomStorage) -> None:
    with pytest.raises(NotFound, match="model other in room lab"):
        room.get_model("other")


def test_a_model_has_a_record_once_it_is_wholly_uploaded(room: RoomStorage, store: MemoryObjectStore) -> None:
    folder = keys.ModelFolder("lab", "unet", "01234567")
    with pytest.raises(NotFound):
        room.read_record(folder)
    store.put(folder.record, record("01234567").model_dump_json().encode(), Overwrite())
    assert room.read_record(folder) == record("01234567")
