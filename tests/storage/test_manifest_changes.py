"""Aliases, versions, tags, notes and removal: what is asked for happens once, or somebody is told."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.rooms import NOON, A, B, C, record, room_with

from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.manifest import Manifest, ModelIdTaken, with_model
from sleap_rtc.storage.manifest_changes import (
    AliasMoved,
    LegacyIdAmbiguous,
    ModelRemoved,
    find_model,
    list_models,
    restored_model,
    with_alias,
    with_notes,
    with_tags,
    with_version,
    without_alias,
    without_model,
)
from sleap_rtc.storage.model_name import NameRefused, TagRefused, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[Manifest], Manifest]

LATER = NOON + timedelta(hours=1)


def alias(name: str, model_id: str, expected: str | None = None) -> Change:
    return lambda manifest: with_alias(manifest, name, model_id, expected)


def version(name: str, model_id: str) -> Change:
    return lambda manifest: with_version(manifest, name, model_id)


def tags(model_id: str, *add: str, remove: tuple[str, ...] = ()) -> Change:
    return lambda manifest: with_tags(manifest, model_id, add, remove)


def notes(model_id: str, text: str) -> Change:
    return lambda manifest: with_notes(manifest, model_id, text)


def removed(model_id: str) -> Change:
    return lambda manifest: without_model(manifest, model_id, LATER)


def restored(model_id: str) -> Change:
    return lambda manifest: restored_model(manifest, model_id)


def published(model_id: str) -> Change:
    return lambda manifest: with_model(manifest, record(model_id), "rooms")


def after(manifest: Manifest, *changes: Change) -> Manifest:
    return reduce(lambda before, change: change(before), changes, manifest)


class TestAnAlias:
    def test_names_a_model_and_the_model_shows_it(self) -> None:
        room = after(room_with(A), alias("good", A))
        assert find_model(room, "good").id == A
        assert room.models[A].alias == "good"

    def test_moves_from_the_model_that_it_was_seen_at(self) -> None:
        room = after(room_with(A, B), alias("good", A), alias("good", B, expected=A))
        assert room.aliases == {"good": B}
        assert (room.models[A].alias, room.models[B].alias) == (None, "good")

    @given(st.permutations([B, C]))
    def test_that_two_move_at_once_is_moved_by_one_and_the_other_is_told(self, movers: list[str]) -> None:
        room = after(room_with(A, B, C), alias("good", A), alias("good", movers[0], expected=A))
        with pytest.raises(AliasMoved, match=f"names {movers[0]} now, not {A}"):
            after(room, alias("good", movers[1], expected=A))
        assert room.aliases == {"good": movers[0]}

    def test_that_is_thought_to_be_new_is_not_taken_from_another_model(self) -> None:
        with pytest.raises(AliasMoved, match=f"names {A} now, not no model"):
            after(room_with(A, B), alias("good", A), alias("good", B))

    def test_that_is_taken_off_is_taken_off_the_model_that_it_was_seen_at(self) -> None:
        room = after(room_with(A, B), alias("good", A))
        with pytest.raises(AliasMoved):
            without_alias(room, "good", B)
        assert without_alias(room, "good", A).aliases == {}
        assert without_alias(room, "gone", A) is room

    def test_stays_the_one_that_the_model_shows_when_it_gets_another(self) -> None:
        room = after(room_with(A), alias("good", A), alias("best", A))
        assert room.models[A].alias == "good"
        assert without_alias(room, "good", A).models[A].alias == "best"

    @pytest.mark.parametrize(
        "name", ["", "0123abcd", "0123ABCD", "a" * 12, "f" * 64, "x" * 65, "latest", "a b", "-a", "a@2", "ä"]
    )
    def test_cannot_look_like_an_id_or_mean_something_else(self, name: str) -> None:
        with pytest.raises(NameRefused, match="Choose another one"):
            after(room_with(A), alias(name, A))

    def test_names_only_what_the_room_has(self) -> None:
        with pytest.raises(NotFound, match=f"model {B} in room lab"):
            after(room_with(A), alias("good", B))


class TestAnIdOfTheExistingTool:
    def test_finds_the_model(self) -> None:
        old = record(A).model_copy(update={"legacy_ids": ("deadbeef", "0123abcd-2")})
        room = with_model(room_with(B), old, "rooms")
        assert [find_model(room, text).id for text in ("deadbeef", "0123abcd-2", A)] == [A, A, A]

    def test_comes_after_ids_and_aliases(self) -> None:
        room = with_model(room_with(B), record(A).model_copy(update={"legacy_ids": (B,)}), "rooms")
        assert find_model(room, B).id == B

    def test_that_two_models_share_names_both(self) -> None:
        room = legacy_room(A, B)
        with pytest.raises(LegacyIdAmbiguous, match=f"several models of this room: {A}, {B}. Name one"):
            find_model(room, "deadbeef")

    def test_that_two_shared_names_the_one_that_stayed(self) -> None:
        room = without_model(legacy_room(A, B), A, NOON)
        assert find_model(room, "deadbeef").id == B
        with pytest.raises(ModelRemoved):
            find_model(without_model(room, B, NOON), "deadbeef")


def legacy_room(*model_ids: str) -> Manifest:
    """Return a room whose models the existing tool called one name."""
    manifest = Manifest(room_id="lab")
    for model_id in model_ids:
        called = record(model_id).model_copy(update={"legacy_ids": ("deadbeef",)})
        manifest = with_model(manifest, called, "rooms")
    return manifest


def test_an_id_that_has_other_files_is_not_given_to_a_second_model() -> None:
    other = record(A).model_copy(update={"files": ()})
    with pytest.raises(ModelIdTaken, match=f"Model {A} of room lab has other files"):
        with_model(room_with(A), other, "rooms")


class TestAName:
    def test_has_versions_in_the_order_in_which_models_came(self) -> None:
        room = after(room_with(A, B), version("flies", B), version("flies", A))
        assert [find_model(room, f"flies@{v}").id for v in (1, 2, "latest")] == [B, A, A]

    def test_keeps_its_numbers_when_a_version_is_removed(self) -> None:
        room = after(room_with(A, B), version("flies", A), version("flies", B), removed(B))
        assert find_model(room, "flies@latest").id == A
        with pytest.raises(ModelRemoved):
            find_model(room, "flies@2")

    @pytest.mark.parametrize("text", ["flies@3", "flies@0", "flies@", "other@1", "@1", "flies@x", "flies"])
    def test_has_no_other_versions(self, text: str) -> None:
        with pytest.raises(NotFound, match=text):
            find_model(after(room_with(A, B), version("flies", A), version("flies", B)), text)

    @given(st.text())
    def test_that_is_no_version_is_told_apart(self, text: str) -> None:
        found = parse_version(text)
        assert found is None or text == f"{found[0]}@{found[1] or 'latest'}"


class TestTagsAndNotes:
    def test_filter_the_list(self) -> None:
        room = after(room_with(A, B), tags(A, "validated"))
        assert [model.id for model in list_models(room, tag="validated")] == [A]
        assert list_models(room, model_type="centroid") == []

    def test_are_taken_off_again(self) -> None:
        room = after(room_with(A), tags(A, "x", "y"), tags(A, remove=("x", "z")))
        assert room.models[A].tags == ["y"]

    @pytest.mark.parametrize("tag", ["", " ", "a b", "-x", "x" * 65, "a,b", "a\n"])
    def test_that_cannot_be_written_are_refused(self, tag: str) -> None:
        with pytest.raises(TagRefused):
            after(room_with(A), tags(A, tag))

    def test_a_note_replaces_the_one_before(self) -> None:
        assert after(room_with(A), notes(A, "one"), notes(A, "two")).models[A].notes == "two"

    def test_a_note_that_is_a_book_is_refused(self) -> None:
        with pytest.raises(InputError, match="at most 4,000 characters; these have 4,001"):
            after(room_with(A), notes(A, "x" * 4_001))


class TestARemovedModel:
    def test_is_neither_listed_nor_found_and_says_how_to_get_it_back(self) -> None:
        room = after(room_with(A, B), alias("good", A), removed(A))
        assert [model.id for model in list_models(room)] == [B]
        for name in (A, "good"):
            with pytest.raises(
                ModelRemoved, match=r"removed from room lab at 2026-11-03 13:00 UTC.*restore it"
            ):
                find_model(room, name)

    def test_comes_back_as_it_was(self) -> None:
        before = after(room_with(A), alias("good", A), tags(A, "x"))
        assert after(before, removed(A), restored(A)).models == before.models

    def test_is_not_brought_back_by_a_notice_that_comes_again(self) -> None:
        room = after(room_with(A), removed(A))
        assert published(A)(room) is room

    def test_cannot_be_changed(self) -> None:
        for change in (alias("good", A), version("flies", A), tags(A, "x"), notes(A, "x")):
            with pytest.raises(ModelRemoved):
                after(room_with(A), removed(A), change)


CHANGES = [
    *[published(model_id) for model_id in (A, B, C)],
    *[tags(model_id, tag) for model_id in (A, B) for tag in ("x", "y")],
]


@given(st.permutations(CHANGES[1:]))
def test_the_order_of_models_and_tags_does_not_matter(changes: list[Change]) -> None:
    def tried(manifest: Manifest) -> Manifest:
        """Apply what can be applied, and what has come too early afterwards, as its sender would."""
        early = []
        for change in changes:
            try:
                manifest = change(manifest)
            except NotFound:
                early.append(change)
        return after(manifest, *early)

    found = tried(room_with(A))
    assert found.models == after(room_with(A), *CHANGES).models


EACH = {
    "publish": published("0000000d"),
    "alias": alias("best", B),
    "no alias": lambda manifest: without_alias(manifest, "good", A),
    "version": version("flies", B),
    "tags": tags(A, "new", remove=("old",)),
    "notes": notes(A, "new"),
    "remove": removed(A),
    "restore": restored(C),
}


@pytest.mark.parametrize("change", EACH.values(), ids=EACH)
def test_a_change_is_another_manifest_and_made_again_it_is_none(change: Change) -> None:
    before = after(room_with(A, B, C), alias("good", A), tags(A, "old"), removed(C))
    text = before.model_dump_json()
    made = change(before)
    assert made is not before
    assert change(made) is made
    assert before.model_dump_json() == text
