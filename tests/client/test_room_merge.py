"""What a registry knows from rooms: when they were asked, and what they had."""

import copy
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from client.registry_vocabulary import (
    CENTROID,
    GOLDEN,
    NOON,
    A,
    B,
    C,
    add,
    assert_in_step,
    ids,
    on_disk,
    room,
)
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.registry_errors import InvalidModelError
from sleap_rtc.client.room_merge import RoomModel, merge_room


class TestRefreshTimes:
    def test_are_kept_per_room_beside_the_manifest(self, legacy: ClientModelRegistry, path: Path) -> None:
        later = NOON + timedelta(hours=1)
        legacy.mark_refreshed("lab", NOON)
        legacy.mark_refreshed("other", later)
        again = ClientModelRegistry(path)
        assert (again.last_refresh("lab"), again.last_refresh("other")) == (NOON, later)
        assert again.last_refresh("third") is None
        assert path.read_bytes() == GOLDEN.read_bytes()
        assert on_disk(path.with_name("manifest.refresh.json")) == {
            "version": "1.0",
            "rooms": {"lab": "2025-11-20T11:00:00.000005+00:00", "other": "2025-11-20T12:00:00.000005+00:00"},
        }

    def test_are_in_utc(self, registry: ClientModelRegistry) -> None:
        registry.mark_refreshed("lab", NOON)
        when = registry.last_refresh("lab")
        assert when is not None
        assert when.tzinfo == UTC

    def test_need_a_time_zone(self, registry: ClientModelRegistry, path: Path) -> None:
        naive = NOON.replace(tzinfo=None)
        with pytest.raises(ValueError, match="time zone"):
            registry.mark_refreshed("lab", naive)
        with pytest.raises(ValueError, match="time zone"):
            registry.refresh_from_room("lab", {}, naive)
        assert not path.exists()

    @pytest.mark.parametrize(
        "broken",
        [
            "",
            "{nope",
            "[]",
            '{"rooms": 1}',
            '{"rooms": {"lab": 1}}',
            '{"rooms": {"lab": "soon"}}',
            '{"rooms": {"lab": "2025-11-20T12:00:00"}}',
        ],
    )
    def test_that_make_no_sense_are_not_known(
        self, registry: ClientModelRegistry, path: Path, broken: str
    ) -> None:
        path.parent.mkdir()
        path.with_name("manifest.refresh.json").write_text(broken)
        assert registry.last_refresh("lab") is None
        registry.mark_refreshed("lab", NOON)
        assert registry.last_refresh("lab") == NOON


class TestRooms:
    def test_a_model_that_only_the_room_has_is_listed_without_files(
        self, registry: ClientModelRegistry, path: Path
    ) -> None:
        merge = registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "flies", 500, NOON, {"final_loss": 0.023})), NOON
        )
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
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.update(
            A, {"local_path": str(path.parent / "centroid_a"), "downloaded_at": "2025-11-20T12:01:00"}
        )
        assert ids(registry.list({"location": "local-only"})) == [A]
        registry.refresh_from_room("lab", {}, NOON)
        assert registry.exists(A)

    def test_a_local_model_gets_only_what_it_lacks(self, legacy: ClientModelRegistry) -> None:
        before = legacy.get(CENTROID)
        assert before is not None
        legacy.refresh_from_room(
            "lab", room(RoomModel(CENTROID, "bottomup", "theirs", 1, metrics={"loss": 1})), NOON
        )
        after = legacy.get(CENTROID)
        assert after == {**before, "metrics": {"loss": 1}, "rooms": {"lab": "theirs"}}
        assert legacy.list_aliases() == {"production-v2": CENTROID}

    def test_a_room_model_follows_the_room(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", size_bytes=1)), NOON)
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", size_bytes=2)), NOON)
        entry = registry.get(A)
        assert entry is not None
        assert entry["size_bytes"] == 2

    def test_a_model_that_the_room_lost_is_forgotten(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.refresh_from_room(
            "other", room(RoomModel(A, "centroid"), RoomModel(B, "centroid", "mice")), NOON
        )
        assert registry.refresh_from_room("other", {}, NOON).gone == (B,)
        assert registry.list_aliases() == {"flies": A}
        assert registry.refresh_from_room("lab", {}, NOON).gone == (A,)
        assert (registry.get_all_models(), registry.get_all_aliases()) == ({}, {})

    def test_but_not_if_the_user_wrote_about_it(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid")), NOON)
        registry.update(A, {"notes": "the good one"})
        assert registry.refresh_from_room("lab", {}, NOON).gone == ()
        assert registry.exists(A)

    def test_two_models_may_swap_their_aliases(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "x"), RoomModel(B, "centroid", "y")), NOON
        )
        registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "y"), RoomModel(B, "centroid", "x")), NOON
        )
        assert registry.list_aliases() == {"x": B, "y": A}

    def test_an_alias_that_the_user_took_off_stays_off(self, registry: ClientModelRegistry) -> None:
        models = room(RoomModel(A, "centroid", "flies"))
        registry.refresh_from_room("lab", models, NOON)
        registry.remove_alias("flies")
        registry.refresh_from_room("lab", models, NOON)
        assert registry.list_aliases() == {}

    def test_an_alias_that_the_user_chose_wins(self, registry: ClientModelRegistry) -> None:
        add(registry, C, alias="flies")
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        assert registry.list_aliases() == {"flies": C}

    def test_an_alias_that_is_not_allowed_here_is_left_out(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room(
            "lab", room(RoomModel(A, "centroid", "latest"), RoomModel(B, "centroid", A)), NOON
        )
        assert registry.list_aliases() == {}

    def test_an_alias_that_two_rooms_gave_stays_while_one_has_it(self, registry: ClientModelRegistry) -> None:
        registry.refresh_from_room("lab", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.refresh_from_room("other", room(RoomModel(A, "centroid", "flies")), NOON)
        registry.refresh_from_room("lab", {}, NOON)
        assert registry.list_aliases() == {"flies": A}
        registry.refresh_from_room("other", room(RoomModel(A, "centroid", "mice")), NOON)
        assert registry.list_aliases() == {"mice": A}

    def test_a_room_model_needs_an_id(self) -> None:
        with pytest.raises(InvalidModelError):
            RoomModel("../../etc", "centroid")


ROOM_MODELS = st.lists(
    st.builds(
        RoomModel,
        model_id=st.sampled_from([A, B, C]),
        model_type=st.just("centroid"),
        alias=st.none() | st.sampled_from(["x", "y", "latest"]),
    ),
    unique_by=lambda model: model.model_id,
).map(lambda models: room(*models))
REFRESHES = st.lists(st.tuples(st.sampled_from(["lab", "other"]), ROOM_MODELS), max_size=6)


class TestMerging:
    @given(REFRESHES)
    def test_keeps_entries_and_aliases_in_step_and_again_changes_nothing(
        self, refreshes: list[tuple[str, dict[str, RoomModel]]]
    ) -> None:
        models: dict[str, dict[str, Any]] = {}
        aliases: dict[str, str] = {}
        for room_id, in_room in refreshes:
            before = copy.deepcopy((models, aliases))
            merge = merge_room(models, aliases, room_id, in_room)
            assert (models, aliases) == before
            models, aliases = merge.models, merge.aliases
            assert_in_step(models, aliases)
            assert set(in_room) == {i for i, entry in models.items() if room_id in entry["rooms"]}
            again = merge_room(models, aliases, room_id, in_room)
            assert (again.models, again.aliases, again.added, again.gone) == (models, aliases, (), ())

    @given(REFRESHES)
    def test_never_takes_anything_from_the_user(
        self, refreshes: list[tuple[str, dict[str, RoomModel]]]
    ) -> None:
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
        for room_id, in_room in refreshes:
            merge = merge_room(models, aliases, room_id, in_room)
            models, aliases = merge.models, merge.aliases
        assert {name: models[A][name] for name in mine} == mine
        assert aliases["mine"] == A
