"""What a registry knows from rooms: when they were asked, and what they had."""

import copy
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from client.registry_vocabulary import (
    BOTTOMUP,
    CENTROID,
    GOLDEN,
    NOON,
    A,
    B,
    C,
    add,
    assert_in_step,
    ids,
    in_room,
    on_disk,
    refresh,
    room,
)
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.file_notes import FileNote, notes_of_entry
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.room_merge import Downloaded, is_merged, merge_room, removed_from
from sleap_rtc.client.room_view import RoomView, ago
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.manifest import Manifest, ManifestModel
from sleap_rtc.storage.manifest_changes import list_models

NOTES = (FileNote("best.ckpt", 9, "crc64nvme:AAAAAAAAAAE=", 5), FileNote("m.json", 0, "c"))


def downloaded(model: ManifestModel) -> Downloaded:
    return Downloaded(model, "lab", Path(f"/models/centroid_{model.id}"), NOTES)


class TestWhatARoomSaid:
    def test_is_kept_per_room_beside_the_manifest(self, registry: ClientModelRegistry, path: Path) -> None:
        later, theirs = NOON + timedelta(hours=1), room(room_id="other")
        refresh(registry, in_room(A, "flies", val_loss=0.5))
        registry.refresh_from_room("other", theirs, later)
        again = ClientModelRegistry(path)
        assert (again.last_refresh("lab"), again.last_refresh("other")) == (NOON, later)
        assert again.room_view("lab") == RoomView(
            asked_at=NOON, manifest=room(in_room(A, "flies", val_loss=0.5))
        )
        assert (again.last_refresh("third"), again.age("third", later)) == (None, None)
        assert again.age("lab", later) == timedelta(hours=1)
        names = {each.name for each in path.parent.iterdir()}
        assert {"manifest.room.lab.json", "manifest.room.other.json"} <= names

    def test_of_a_room_with_nothing_new_leaves_the_manifest_as_it_is(
        self, legacy: ClientModelRegistry, path: Path
    ) -> None:
        refresh(legacy)
        assert path.read_bytes() == GOLDEN.read_bytes()

    def test_is_in_utc(self, registry: ClientModelRegistry) -> None:
        refresh(registry)
        when = registry.last_refresh("lab")
        assert when is not None
        assert when.tzinfo == UTC

    def test_needs_a_time_zone_and_the_right_room(self, registry: ClientModelRegistry, path: Path) -> None:
        with pytest.raises(ValueError, match="time zone"):
            registry.refresh_from_room("lab", room(), NOON.replace(tzinfo=None))
        with pytest.raises(ValueError, match="manifest of room lab, not of other"):
            registry.refresh_from_room("other", room(), NOON)
        assert not path.exists()

    @pytest.mark.parametrize("room_id", ["../x", "a/b", "", "a.b", "x" * 33])
    def test_is_never_looked_for_elsewhere(self, registry: ClientModelRegistry, room_id: str) -> None:
        with pytest.raises(InputError, match="is not a room id"):
            registry.last_refresh(room_id)

    @pytest.mark.parametrize(
        "broken",
        ["", "{nope", "[]", '{"asked_at": "soon"}', '{"asked_at": "2025-11-20T12:00:00", "manifest": {}}'],
    )
    def test_is_not_known_if_it_makes_no_sense(
        self, registry: ClientModelRegistry, path: Path, broken: str
    ) -> None:
        path.parent.mkdir()
        path.with_name("manifest.room.lab.json").write_text(broken)
        assert registry.last_refresh("lab") is None
        refresh(registry)
        assert registry.last_refresh("lab") == NOON

    def test_is_not_known_if_it_is_about_another_room(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        refresh(registry)
        path.with_name("manifest.room.lab.json").rename(path.with_name("manifest.room.LAB.json"))
        assert registry.last_refresh("LAB") is None

    def test_does_not_go_back_to_an_older_state_that_comes_late(self, registry: ClientModelRegistry) -> None:
        newer, older = room(in_room(A, "x"), revision=6), room(in_room(B, "x"), revision=5)
        registry.refresh_from_room("lab", newer, NOON)
        registry.refresh_from_room("lab", older, NOON - timedelta(seconds=1))
        assert registry.list_aliases() == {"x": A}
        registry.refresh_from_room("lab", older, NOON + timedelta(seconds=1))
        assert registry.list_aliases() == {"x": B}

    def test_of_the_revision_that_is_here_makes_nothing_but_the_answer_newer(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        same = room(in_room(A, "x"), in_room(B)).model_copy(update={"write_id": "01K"})
        registry.refresh_from_room("lab", same, NOON)
        registry.update(B, {"notes": "mine"})
        written = path.stat().st_mtime_ns
        registry.refresh_from_room("lab", same, NOON + timedelta(hours=1))
        assert registry.last_refresh("lab") == NOON + timedelta(hours=1)
        assert path.stat().st_mtime_ns == written

    def test_of_the_revision_that_is_here_fills_a_registry_that_lost_something(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        same = room(in_room(A, "x"), in_room(B)).model_copy(update={"write_id": "01K"})
        registry.refresh_from_room("lab", same, NOON)
        registry.delete(B)
        registry.refresh_from_room("lab", same, NOON)
        assert registry.exists(B)
        path.unlink()
        registry.refresh_from_room("lab", same, NOON)
        assert registry.list_aliases() == {"x": A}

    @given(st.timedeltas(timedelta(0), timedelta(days=4000)))
    def test_has_an_age_in_one_unit(self, age: timedelta) -> None:
        count, unit, word = ago(age).replace("less than a", "0").split()
        length = {"minute": 60, "hour": 3600, "day": 86400}[unit.removesuffix("s")]
        assert word == "ago"
        assert int(count) == age // timedelta(seconds=length)


class TestRooms:
    def test_a_model_that_only_the_room_has_is_listed_without_files(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        merge = refresh(registry, in_room(A, "flies", final_loss=0.023, curve=1.0))
        assert (merge.added, merge.gone) == ((A,), ())
        assert on_disk(path)["models"][A] == {
            "id": A,
            "model_type": "centroid",
            "source": "worker-pull",
            "size_bytes": 500,
            "created_at": "2025-11-20T12:00:00.000005+01:00",
            "metrics": {"final_loss": 0.023},
            "alias": "flies",
            "local_path": None,
            "checkpoint_path": None,
            "on_worker": False,
            "worker_last_seen": None,
            "worker_path": None,
            "notes": "",
            "tags": [],
            "rooms": {"lab": "flies"},
        }
        assert registry.resolve("flies") == A
        assert registry.last_refresh("lab") == NOON
        assert registry.list({"location": "local-only"}) == []

    def test_after_the_download_it_is_a_local_model(self, registry: ClientModelRegistry, path: Path) -> None:
        refresh(registry, in_room(A, "flies"))
        registry.update(
            A, {"local_path": str(path.parent / "centroid_a"), "downloaded_at": "2025-11-20T12:01:00"}
        )
        assert ids(registry.list({"location": "local-only"})) == [A]
        refresh(registry)
        assert registry.exists(A)

    def test_a_local_model_gets_only_what_it_lacks(self, legacy: ClientModelRegistry) -> None:
        before = legacy.get(CENTROID)
        assert before is not None
        refresh(legacy, in_room(CENTROID, "theirs", model_type="bottomup", size_bytes=1, loss=1.0))
        after = legacy.get(CENTROID)
        made = {"created_at": NOON.isoformat(), "metrics": {"loss": 1.0}}
        assert after == {**before, **made, "rooms": {"lab": "theirs"}}
        assert legacy.list_aliases() == {"production-v2": CENTROID}

    def test_a_room_model_follows_the_room(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, size_bytes=1))
        refresh(registry, in_room(A, size_bytes=2))
        entry = registry.get(A)
        assert entry is not None
        assert entry["size_bytes"] == 2

    def test_a_model_that_the_room_lost_is_forgotten(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "flies"))
        refresh(registry, in_room(A), in_room(B, "mice"), room_id="other")
        assert refresh(registry, room_id="other").gone == (B,)
        assert registry.list_aliases() == {"flies": A}
        assert refresh(registry).gone == (A,)
        assert (registry.get_all_models(), registry.get_all_aliases()) == ({}, {})

    def test_but_not_if_the_user_wrote_about_it(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A))
        registry.update(A, {"notes": "the good one"})
        assert refresh(registry).gone == ()
        assert registry.exists(A)

    def test_two_models_may_swap_their_aliases(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "x"), in_room(B, "y"))
        refresh(registry, in_room(A, "y"), in_room(B, "x"))
        assert registry.list_aliases() == {"x": B, "y": A}

    def test_an_alias_that_the_user_took_off_stays_off(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "flies"))
        registry.remove_alias("flies")
        refresh(registry, in_room(A, "flies"))
        assert registry.list_aliases() == {}

    def test_an_alias_that_the_user_chose_wins(self, registry: ClientModelRegistry) -> None:
        add(registry, C, alias="flies")
        refresh(registry, in_room(A, "flies"))
        assert registry.list_aliases() == {"flies": C}

    def test_an_alias_that_is_not_allowed_here_is_left_out(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "latest"), in_room(B, A))
        assert registry.list_aliases() == {}

    def test_an_alias_that_two_rooms_gave_stays_while_one_has_it(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "flies"))
        refresh(registry, in_room(A, "flies"), room_id="other")
        refresh(registry)
        assert registry.list_aliases() == {"flies": A}
        refresh(registry, in_room(A, "mice"), room_id="other")
        assert registry.list_aliases() == {"mice": A}

    def test_of_several_aliases_the_one_that_the_room_shows_counts(
        self, registry: ClientModelRegistry
    ) -> None:
        manifest = room(in_room(A, "b"), in_room(B), c=A, a=A, y=B, x=B)
        registry.refresh_from_room("lab", manifest, NOON)
        assert registry.list_aliases() == {"b": A, "x": B}

    @pytest.mark.parametrize("model_id", ["../../etc", "AAAAAAAA", "", "aaaaaaaa-x"])
    def test_a_model_whose_id_is_none_is_left_out(self, registry: ClientModelRegistry, model_id: str) -> None:
        refresh(registry, in_room(model_id), in_room(B))
        assert list(registry.get_all_models()) == [B]


class TestRemovedModels:
    def test_are_forgotten_if_only_the_room_had_them(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "flies"), in_room(B))
        assert refresh(registry, in_room(A, "flies", removed=True), in_room(B)).gone == (A,)
        assert registry.list_aliases() == {}

    def test_stay_with_their_files_and_say_so(self, registry: ClientModelRegistry, path: Path) -> None:
        refresh(registry, in_room(A, "flies"))
        registry.update(A, {"local_path": str(path.parent / "centroid_a")})
        refresh(registry, in_room(A, "flies", removed=True))
        entry = registry.get(A)
        assert entry is not None
        assert (entry["rooms"], removed_from(entry)) == ({}, {"lab": NOON.isoformat()})
        assert registry.list_aliases() == {}

    def test_are_as_before_once_they_are_restored(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "flies"))
        registry.update(A, {"local_path": "a"})
        before = registry.get(A)
        refresh(registry, in_room(A, "flies", removed=True))
        refresh(registry, in_room(A, "flies"))
        assert registry.get(A) == before
        assert registry.list_aliases() == {"flies": A}

    def test_that_were_never_the_rooms_are_none_of_its_business(self, legacy: ClientModelRegistry) -> None:
        before = legacy.get(CENTROID)
        refresh(legacy, in_room(CENTROID, removed=True))
        assert legacy.get(CENTROID) == before


class TestADownload:
    def test_is_entered_with_its_files_and_its_room(self, registry: ClientModelRegistry, path: Path) -> None:
        registry.enter_download(downloaded(in_room(A, "flies")))
        entry = on_disk(path)["models"][A]
        assert entry["local_path"] == "/models/centroid_aaaaaaaa"
        assert entry["checkpoint_path"] == "/models/centroid_aaaaaaaa/best.ckpt"
        assert (entry["room"], entry["rooms"], entry["alias"]) == ("lab", {"lab": "flies"}, "flies")
        assert notes_of_entry(entry) == NOTES
        assert entry["downloaded_at"] == "2025-11-20T12:00:00.000005"

    def test_keeps_what_the_user_wrote_and_other_rooms(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "theirs"), room_id="other")
        registry.update(A, {"alias": "mine", "notes": "good", "tags": ["x"]})
        registry.enter_download(downloaded(in_room(A, "flies")))
        entry = registry.get(A)
        assert entry is not None
        assert (entry["alias"], entry["notes"], entry["tags"]) == ("mine", "good", ["x"])
        assert entry["rooms"] == {"lab": "flies", "other": "theirs"}

    def test_does_not_bring_back_an_alias_that_the_user_took_off(self, registry: ClientModelRegistry) -> None:
        refresh(registry, in_room(A, "flies"))
        registry.remove_alias("flies")
        registry.enter_download(downloaded(in_room(A, "flies")))
        assert registry.list_aliases() == {}

    def test_makes_a_model_that_was_only_on_a_worker_a_local_one(self, legacy: ClientModelRegistry) -> None:
        legacy.enter_download(downloaded(in_room(BOTTOMUP)))
        assert BOTTOMUP in ids(legacy.list({"location": "both"}))

    @pytest.mark.parametrize(
        "files",
        [None, 3, [1], [{"name": "x"}], [{"name": "../x", "size_bytes": 1, "checksum": "c"}], [{"size": 1}]],
    )
    def test_notes_that_make_no_sense_are_none(self, files: object) -> None:
        assert notes_of_entry({"files": files}) == ()


MODELS = st.lists(
    st.builds(
        in_room,
        st.sampled_from([A, B, C]),
        st.none() | st.sampled_from(["x", "y", "latest"]),
        removed=st.booleans(),
    ),
    unique_by=lambda model: model.id,
)
ROOMS = st.builds(
    lambda models, more, room_id: room(*models, room_id=room_id, **more),
    MODELS,
    st.dictionaries(st.sampled_from(["v", "w", "x"]), st.sampled_from([A, B, C])),
    st.sampled_from(["lab", "other"]),
)
REFRESHES = st.lists(ROOMS, max_size=6)


class TestMerging:
    @given(REFRESHES)
    def test_keeps_entries_and_aliases_in_step_and_again_changes_nothing(
        self, refreshes: list[Manifest]
    ) -> None:
        models: dict[str, dict[str, Any]] = {}
        aliases: dict[str, str] = {}
        for manifest in refreshes:
            before = copy.deepcopy((models, aliases))
            merge = merge_room(models, aliases, manifest)
            assert (models, aliases) == before
            models, aliases = merge.models, merge.aliases
            assert_in_step(models, aliases)
            present = {model.id for model in list_models(manifest)}
            assert present == {i for i, entry in models.items() if manifest.room_id in entry["rooms"]}
            assert is_merged(models, manifest)
            again = merge_room(models, aliases, manifest)
            assert (again.models, again.aliases, again.added, again.gone) == (models, aliases, (), ())

    @given(REFRESHES)
    def test_never_takes_anything_from_the_user(self, refreshes: list[Manifest]) -> None:
        mine = {
            "id": A,
            "model_type": "bottomup",
            "alias": "mine",
            "local_path": "a",
            "notes": "n",
            "source": "s",
        }
        models: dict[str, dict[str, Any]] = {A: mine}
        aliases = {"mine": A}
        for manifest in refreshes:
            merge = merge_room(models, aliases, manifest)
            models, aliases = merge.models, merge.aliases
        assert {name: models[A][name] for name in mine} == mine
        assert aliases["mine"] == A
