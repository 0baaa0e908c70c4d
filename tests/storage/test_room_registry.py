"""A room's models through `RoomStorage`: each change is one conditional write, and a log brings it back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.rooms import NOON, A, B, C, record, uploaded
from support.fault_proxy import FaultProxy, LoseReply

from sleap_rtc.storage import keys
from sleap_rtc.storage.document import ChangeNotShown, DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound, SleapRtcError
from sleap_rtc.storage.manifest import Manifest
from sleap_rtc.storage.manifest_changes import AliasMoved, ModelRemoved
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import ObjectInfo, ObjectStore, Overwrite
from sleap_rtc.storage.registry_changes import (
    AliasRemoved,
    AliasSet,
    Noted,
    Published,
    RegistryChange,
    Removed,
    Restored,
    Tagged,
    VersionAdded,
)
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_s3 import S3Client

GOLDEN = Path(__file__).parent / "golden"
MANIFEST = keys.manifest_key("lab")
LATER = NOON + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(params=["memory", "ministack", pytest.param("seaweedfs", marks=pytest.mark.seaweedfs)])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    match request.param:
        case "memory":
            return MemoryObjectStore()
        case "ministack":
            return S3ObjectStore(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
        case _:
            weed: S3ObjectStore = request.getfixturevalue("weed")
            return weed


@pytest.fixture
def memory() -> MemoryObjectStore:
    return MemoryObjectStore()


def lab(store: ObjectStore) -> RoomStorage:
    return RoomStorage("lab", store, "rooms")


def lab_with(store: ObjectStore, *model_ids: str) -> RoomStorage:
    for model_id in model_ids:
        lab(store).publish_model(record(model_id), NOON)
    return lab(store)


def much_used(store: ObjectStore) -> RoomStorage:
    """Return a room in which everything was done that can be done."""
    room = lab(store)
    one, two, three = (uploaded(store, content) for content in ("one", "two", "three"))
    for each in (one, two, three):
        room.publish_model(each, NOON)
    room.change(AliasSet(alias="good", model_id=one.model_id, expected=None), "ada", LATER)
    room.change(AliasSet(alias="good", model_id=two.model_id, expected=one.model_id), "ada", LATER)
    room.change(AliasSet(alias="old", model_id=one.model_id, expected=None), "ada", LATER)
    room.change(AliasRemoved(alias="old", expected=one.model_id), "ada", LATER)
    room.change(VersionAdded(name="flies", model_id=one.model_id), "ada", LATER)
    room.change(
        Tagged(
            model_id=two.model_id,
            add=(
                "x",
                "y",
            ),
        ),
        "ada",
        LATER,
    )
    room.change(Tagged(model_id=two.model_id, remove=("x",)), "ada", LATER)
    room.change(Noted(model_id=two.model_id, notes="the best so far"), "ada", LATER)
    room.change(Removed(model_id=one.model_id), "ada", LATER)
    room.change(Restored(model_id=one.model_id), "ada", LATER)
    room.change(Removed(model_id=three.model_id), "ada", LATER)
    return room


class TestChanges:
    def test_are_seen_by_all(self, store: ObjectStore) -> None:
        much_used(store)
        model = lab(store).get_model("good")
        assert (model.alias, model.tags, model.notes) == ("good", ["y"], "the best so far")
        assert lab(store).list_models(tag="y") == [model]
        assert len(lab(store).list_models()) == 2
        assert lab(store).get_model("flies@1").deleted_at is None

    def test_are_a_revision_and_a_log_entry_each(self, memory: MemoryObjectStore) -> None:
        room = much_used(memory)
        assert room.manifest().revision == 14
        assert [entry.revision for entry in room.history()] == list(range(14, 0, -1))

    def test_leave_the_files_of_a_removed_model(self, store: ObjectStore) -> None:
        made = uploaded(store, "one")
        lab(store).publish_model(made, NOON)
        lab(store).change(Removed(model_id=made.model_id), "ada", LATER)
        with pytest.raises(ModelRemoved):
            lab(store).get_model(made.model_id)
        folder = keys.ModelFolder("lab", made.model_type, made.model_id)
        assert store.get(folder.file("best.ckpt")).body == b"one"

    def test_of_one_alias_at_once_are_won_by_one(self, store: ObjectStore) -> None:
        ids = [f"{n:08x}" for n in range(6)]
        room = lab_with(store, *ids)

        def move(model_id: str) -> str:
            try:
                change = AliasSet(alias="good", model_id=model_id, expected=None)
                return room.change(change, "ada", LATER).aliases["good"]
            except AliasMoved as moved:
                return str(vars(moved)["holder"])

        with ThreadPoolExecutor(6) as movers:
            told = set(movers.map(move, ids))
        assert told == {room.manifest().aliases["good"]}

    def test_whose_reply_was_lost_are_made_once(
        self, proxy: FaultProxy, far_s3: S3Client, bucket: str
    ) -> None:
        room = lab_with(S3ObjectStore(far_s3, bucket), A, B)
        room.change(AliasSet(alias="good", model_id=A, expected=None), "ada", LATER)
        proxy.script(f"PUT .*{MANIFEST}", LoseReply())
        moved = room.change(AliasSet(alias="good", model_id=B, expected=A), "ada", LATER)
        assert room.manifest() == moved
        assert (moved.revision, moved.aliases) == (4, {"good": B})

    def test_by_others_are_seen_by_one_who_has_read_before(self, store: ObjectStore) -> None:
        room, other = lab_with(store, A), lab(store)
        assert [model.id for model in other.list_models()] == [A]
        room.change(Removed(model_id=A), "ada", LATER)
        assert other.list_models() == []

    def test_that_nobody_made_are_not_read_again(
        self, proxy: FaultProxy, far_s3: S3Client, bucket: str
    ) -> None:
        room = lab_with(S3ObjectStore(far_s3, bucket), A)
        proxy.forget()
        assert room.manifest() is room.manifest() is room.manifest()
        assert (proxy.count(f"GET .*{MANIFEST}"), proxy.count("GET .*/log/")) == (1, 3)

    def test_of_what_is_not_there_write_nothing(self, memory: MemoryObjectStore) -> None:
        with pytest.raises(NotFound, match=f"model {A} in room lab"):
            lab(memory).change(Tagged(model_id=A, add=("x",)), "ada", NOON)
        assert list(memory.list("")) == []


CHANGES: dict[str, Callable[[RoomStorage], object]] = {
    "publish": lambda room: room.publish_model(record(A), NOON),
    "set_alias": lambda room: room.change(AliasSet(alias="good", model_id=A, expected=None), "ada", NOON),
    "remove_alias": lambda room: room.change(AliasRemoved(alias="good", expected=A), "ada", NOON),
    "add_version": lambda room: room.change(VersionAdded(name="flies", model_id=A), "ada", NOON),
    "tag": lambda room: room.change(Tagged(model_id=A, add=("x",)), "ada", NOON),
    "note": lambda room: room.change(Noted(model_id=A, notes="x"), "ada", NOON),
    "remove": lambda room: room.change(Removed(model_id=A), "ada", NOON),
    "restore": lambda room: room.change(Restored(model_id=A), "ada", NOON),
    "gc": lambda room: room.gc(DAY, datetime.now(UTC) + 2 * DAY),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            b'{"room_id": "lab", "models"',
            "not all of it is there.* left as it is.*`sleap-rtc models repair -r ROOM` puts it",
        ),
        (b'{"room_id": "lab", "schema_version": 2}', "version 2.* left as it is. Update sleap-rtc"),
    ],
    ids=["damaged", "newer"],
)
def test_a_manifest_that_cannot_be_read_is_left_as_it_is(
    memory: MemoryObjectStore, change: Callable[[RoomStorage], object], body: bytes, why: str
) -> None:
    uploaded(memory, "one")
    lab_with(memory, A)
    memory.put(MANIFEST, body, Overwrite())
    before = {info.key: info.etag for info in memory.list("")}
    with pytest.raises(DocumentUnreadable, match=why):
        change(lab(memory))
    assert {info.key: info.etag for info in memory.list("")} == before


@pytest.mark.parametrize("body", [b'{"room_id": "lab", "mod', b'{"room_id": "lab", "schema_version": 2}'])
def test_whoever_read_the_manifest_before_it_was_damaged_is_told_that_his_change_is_made(
    memory: MemoryObjectStore, body: bytes
) -> None:
    room = lab_with(memory, A)
    room.manifest()
    memory.put(MANIFEST, body, Overwrite())
    for _ in range(2):
        with pytest.raises(ChangeNotShown, match=r"The change was made .*, but lab/manifest\.json"):
            room.change(Tagged(model_id=A, add=("x",)), "ada", LATER)
    assert memory.get(MANIFEST).body == body
    assert [entry.change.words() for entry in room.history(1)] == [f"model {A} was tagged x"]
    memory.delete(MANIFEST)
    repaired = lab(memory).repair("ada", LATER)
    assert (repaired.revision, repaired.models[A].tags) == (2, ["x"])


class TestTheLog:
    def test_tells_what_each_revision_changed(self, memory: MemoryObjectStore) -> None:
        room = lab_with(memory, A)
        room.change(AliasSet(alias="good", model_id=A, expected=None), "ada", LATER)
        newest, first = room.history()
        assert (newest.revision, newest.at, newest.by) == (2, LATER, "ada")
        assert newest.change.words() == f"alias good names {A}"
        assert first.change.words() == f"model {A} (unet) was published"

    def test_tells_the_newest_when_there_are_many(self, memory: MemoryObjectStore) -> None:
        room = much_used(memory)
        assert room.history(most=3) == room.history()[:3]

    def test_tells_what_lies_between_two_revisions(self, memory: MemoryObjectStore) -> None:
        room = lab_with(memory, A, B)
        room.change(Noted(model_id=B, notes="x"), "ada", LATER)
        assert room.diff(1, 3) == (f"model {B} (unet) was published by ada", f"model {B} has other notes")
        with pytest.raises(NotFound):
            room.diff(1, 9)

    def test_is_bounded_by_what_it_has(self, memory: MemoryObjectStore) -> None:
        room = lab_with(memory, A, B)
        memory.delete(keys.manifest_log_key("lab", 1))
        assert [entry.revision for entry in room.history()] == [2]


IDS, WORDS = st.sampled_from([A, B, C]), st.sampled_from(["x", "y", "z"])
SOME_WORDS = st.lists(WORDS, max_size=2).map(tuple)
ANYTHING = st.one_of(
    st.builds(AliasSet, alias=WORDS, model_id=IDS, expected=st.none() | IDS),
    st.builds(AliasRemoved, alias=WORDS, expected=IDS),
    st.builds(VersionAdded, name=WORDS, model_id=IDS),
    st.builds(Tagged, model_id=IDS, add=SOME_WORDS, remove=SOME_WORDS),
    st.builds(Noted, model_id=IDS, notes=WORDS),
    st.builds(Removed, model_id=IDS),
    st.builds(Restored, model_id=IDS),
    st.builds(lambda model_id: Published(bucket="rooms", record=record(model_id)), IDS),
)


class TestALostManifest:
    def test_is_rebuilt_equal(self, store: ObjectStore) -> None:
        lost = much_used(store).manifest()
        body = store.get(MANIFEST).body
        store.delete(MANIFEST)
        assert lab(store).repair("ada", LATER) == lost
        assert lab(store).manifest() == lost
        assert store.get(MANIFEST).body == body

    @given(st.lists(ANYTHING, min_size=1, max_size=20))
    def test_is_rebuilt_equal_whatever_was_done(self, changes: list[RegistryChange]) -> None:
        store = MemoryObjectStore()
        room = lab_with(store, A)
        for change in changes:
            with suppress(SleapRtcError):
                room.change(change, "ada", LATER)
        lost, body = room.manifest(), store.get(MANIFEST).body
        store.delete(MANIFEST)
        assert lab(store).repair("ada", LATER) == lost
        assert store.get(MANIFEST).body == body

    def test_and_its_log_are_rebuilt_from_the_models(self, store: ObjectStore) -> None:
        for content in ("one", "two", "three"):
            lab(store).publish_model(uploaded(store, content), NOON)
        lost = lab(store).manifest()
        for info in [store.head(MANIFEST), *store.list(keys.manifest_log_prefix("lab"))]:
            store.delete(info.key)
        assert lab(store).repair("ada", NOON).models == lost.models

    def test_keeps_its_aliases_when_a_publisher_is_the_first_to_miss_it(
        self, memory: MemoryObjectStore
    ) -> None:
        lost = much_used(memory).manifest()
        memory.delete(MANIFEST)
        found = lab(memory).publish_model(uploaded(memory, "four"), LATER)
        assert (found.revision, found.aliases) == (lost.revision + 1, lost.aliases)

    def test_does_not_gain_what_is_not_whole(self, memory: MemoryObjectStore) -> None:
        lost = much_used(memory).manifest()
        memory.delete(MANIFEST)
        torn, foreign = uploaded(memory, "torn"), uploaded(memory, "foreign")
        memory.put(keys.ModelFolder("lab", "unet", torn.model_id).file("best.ckpt"), b"to", Overwrite())
        memory.put("lab/models/other_0123abcd/model.json", foreign.model_dump_json().encode(), Overwrite())
        memory.delete(keys.ModelFolder("lab", "unet", foreign.model_id).record)
        memory.put("lab/models/unet_0123abcd/model.json", b"{", Overwrite())
        assert lab(memory).repair("ada", LATER) == lost

    def test_does_not_gain_the_model_of_a_worker_that_lost_its_job(self, memory: MemoryObjectStore) -> None:
        for content, job_id, fencing in (("a", "j1", 1), ("b", "j1", 2), ("c", "j2", 1)):
            uploaded(memory, content, job_id=job_id, fencing=fencing)
        late = uploaded(memory, "d", job_id="j3", fencing=2)
        lab(memory).publish_model(late, NOON)
        uploaded(memory, "e", job_id="j3", fencing=1)
        models = lab(memory).repair("ada", LATER).models.values()
        assert sorted((m.training.job_id, m.storage.size_bytes) for m in models) == [
            ("j1", 1),
            ("j2", 1),
            ("j3", 1),
        ]
        assert late.model_id in lab(memory).manifest().models

    def test_of_a_room_without_anything_is_not_made(self, memory: MemoryObjectStore) -> None:
        assert lab(memory).repair("ada", NOON) == Manifest(room_id="lab")
        assert list(memory.list("")) == []

    def test_that_is_not_lost_is_left_as_it_is(self, store: ObjectStore) -> None:
        present = much_used(store).manifest()
        assert lab(store).repair("ada", LATER) == present


class TestADamagedManifest:
    def test_is_put_aside_and_rebuilt_from_the_log(self, store: ObjectStore) -> None:
        lost = much_used(store).manifest()
        store.put(MANIFEST, b'{"room_id": "lab", "mod', Overwrite())
        assert lab(store).repair("ada", LATER) == lost
        assert lab(store).manifest() == lost
        (aside,) = store.list("lab/damaged/")
        assert store.get(aside.key).body == b'{"room_id": "lab", "mod'

    def test_is_found_by_one_who_has_read_before(self, store: ObjectStore) -> None:
        room = much_used(store)
        lost = room.manifest()
        store.put(MANIFEST, b"{", Overwrite())
        assert room.repair("ada", LATER) == lost
        assert Manifest.model_validate_json(store.get(MANIFEST).body) == lost

    def test_of_a_newer_version_is_not_touched(self, memory: MemoryObjectStore) -> None:
        much_used(memory)
        memory.put(MANIFEST, b'{"room_id": "lab", "schema_version": 2}', Overwrite())
        before = {info.key: info.etag for info in memory.list("")}
        with pytest.raises(DocumentTooNew, match="Update sleap-rtc"):
            lab(memory).repair("ada", LATER)
        assert {info.key: info.etag for info in memory.list("")} == before


class PublishesWhileListed(MemoryObjectStore):
    """A bucket in which a model is published while its folders are listed."""

    def __init__(self) -> None:
        super().__init__()
        self.at_listing: list[Callable[[], object]] = []

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        yield from super().list(prefix, start_after)
        if prefix == keys.models_prefix("lab") and self.at_listing:
            self.at_listing.pop()()


class TestGc:
    def later(self) -> datetime:
        return datetime.now(UTC) + 2 * DAY

    def test_deletes_what_no_revision_names_and_reports_it(self, store: ObjectStore) -> None:
        much_used(store)
        before = [info.key for info in store.list("")]
        orphan = uploaded(store, "orphan")
        found = lab(store).gc(DAY, self.later())
        assert [(each.folder.model_id, each.size_bytes > 6) for each in found] == [(orphan.model_id, True)]
        assert [info.key for info in store.list("")] == before

    def test_only_reports_when_it_is_asked_to(self, memory: MemoryObjectStore) -> None:
        much_used(memory)
        orphan = uploaded(memory, "orphan")
        assert [each.folder.model_id for each in lab(memory).orphans(DAY, self.later())] == [orphan.model_id]
        assert memory.head(keys.ModelFolder("lab", "unet", orphan.model_id).record)

    def test_leaves_what_is_young(self, memory: MemoryObjectStore) -> None:
        much_used(memory)
        uploaded(memory, "young")
        assert lab(memory).gc(DAY, datetime.now(UTC)) == []

    def test_leaves_everything_in_a_room_of_which_nothing_is_known(self, memory: MemoryObjectStore) -> None:
        much_used(memory)
        for info in [*memory.list(MANIFEST), *memory.list(keys.manifest_log_prefix("lab"))]:
            memory.delete(info.key)
        with pytest.raises(NotFound):
            lab(memory).gc(DAY, self.later())
        assert len(list(memory.list(keys.models_prefix("lab")))) == 6

    def test_leaves_what_was_published_while_it_looked(self) -> None:
        store = PublishesWhileListed()
        much_used(store)
        late = uploaded(store, "late")
        store.at_listing.append(lambda: lab(store).publish_model(late, NOON))
        assert lab(store).gc(DAY, self.later()) == []


def golden(name: str) -> str:
    return (GOLDEN / name).read_text(encoding="utf-8")


def test_the_wire_form_is_pinned() -> None:
    pinned = golden("manifest.json").strip()
    assert Manifest.model_validate_json(pinned).model_dump_json(indent=1) == pinned


def test_the_manifest_of_a_much_used_room_has_the_pinned_form(memory: MemoryObjectStore) -> None:
    found = much_used(memory).manifest().model_copy(update={"write_id": "01K9B4V0000000000000000000"})
    assert found.model_dump_json(indent=1) == golden("manifest.json").strip()


def assert_holds(found: Any, told: Any) -> None:
    """Assert that all that was told is there, whatever else is."""
    if isinstance(told, dict):
        for name, value in told.items():
            assert_holds(found[name], value)
    else:
        assert found == told


def test_the_manifest_of_the_design_documents_keeps_its_fields_through_a_change(
    memory: MemoryObjectStore,
) -> None:
    told = json.loads(golden("legacy_manifest.json"))
    room = RoomStorage("lab-mice-2025", memory, "sleap-rtc-rooms")
    memory.put(keys.manifest_key(room.room_id), json.dumps(told).encode(), Overwrite())
    assert room.get_model("latest-centroid").alias == "production-v2"
    room.change(Noted(model_id="a3f5e8c9", notes="kept"), "ada", NOON)
    told["models"]["a3f5e8c9"]["notes"], told["updated_at"] = "kept", "2026-11-03T12:00:00Z"
    assert_holds(json.loads(memory.get(keys.manifest_key(room.room_id)).body), told)


def test_fields_that_this_version_does_not_know_stay(memory: MemoryObjectStore) -> None:
    room = lab_with(memory, A)
    told = json.loads(memory.get(MANIFEST).body)
    told["owner"] = told["models"][A]["licence"] = told["models"][A]["training"]["seed"] = "new"
    memory.put(MANIFEST, json.dumps(told).encode(), Overwrite())
    room.change(Tagged(model_id=A, add=("x",)), "ada", LATER)
    found = json.loads(memory.get(MANIFEST).body)
    kept = (found["owner"], found["models"][A]["licence"], found["models"][A]["training"]["seed"])
    assert kept == ("new", "new", "new")
