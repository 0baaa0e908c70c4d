"""A room's models page by page: every model once, whatever happens to it between two pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.rooms import NOON, A, B, C, record, room_with

from sleap_rtc.events.model_page import model_details, model_page
from sleap_rtc.storage import manifest_changes
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import Manifest, with_model


def room_of(minutes: list[int]) -> Manifest:
    """Return a room with one model for each number, trained so many minutes after noon."""
    manifest = Manifest(room_id="lab")
    for number, after in enumerate(minutes):
        made = record(f"{number:08x}", trained_at=NOON + timedelta(minutes=after))
        manifest = with_model(manifest, made, "rooms")
    return manifest


def walked(manifest: Manifest, most: int) -> list[str]:
    ids: list[str] = []
    after = None
    while True:
        page = model_page(manifest, most, after=after)
        assert page.total == len(manifest.models)
        ids += [model.id for model in page.models]
        after = page.after
        if after is None:
            return ids


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_the_pages_show_every_model_once_the_newest_first(minutes: list[int], most: int) -> None:
    manifest = room_of(minutes)
    ids = walked(manifest, most)
    assert sorted(ids) == sorted(manifest.models)
    times = [manifest.models[model_id].training.trained_at for model_id in ids]
    assert times == sorted(times, reverse=True)


def test_a_page_goes_on_from_a_model_that_was_removed_since() -> None:
    manifest = room_with(A, B, C)
    first = model_page(manifest, 1)
    assert ([model.id for model in first.models], first.after) == ([C], C)
    later = manifest_changes.without_model(manifest, C, NOON)
    assert [model.id for model in model_page(later, 5, after=C).models] == [B, A]


def test_a_page_after_a_model_that_never_was_is_refused() -> None:
    with pytest.raises(NotFound, match=f"model {B} in room lab"):
        model_page(room_with(A), 5, after=B)


def test_removed_models_have_a_list_of_their_own() -> None:
    manifest = manifest_changes.without_model(room_with(A, B), A, NOON)
    assert [model.id for model in model_page(manifest, 5).models] == [B]
    assert [model.id for model in model_page(manifest, 5, removed=True).models] == [A]


def test_a_tag_and_a_type_choose() -> None:
    manifest = with_model(room_with(A, B), record(C, model_type="centroid"), "rooms")
    manifest = manifest_changes.with_tags(manifest, A, ["good"], [])
    assert [model.id for model in model_page(manifest, 5, tag="good").models] == [A]
    assert [model.id for model in model_page(manifest, 5, model_type="centroid").models] == [C]
    assert model_page(manifest, 5, tag="good", model_type="centroid").total == 0


def test_a_model_is_listed_and_shown_with_all_of_its_names() -> None:
    manifest = room_with(A, B)
    for alias in ("worse", "best"):
        manifest = manifest_changes.with_alias(manifest, alias, A, None)
    for model_id in (B, A):
        manifest = manifest_changes.with_version(manifest, "flies", model_id)
    names = {model.id: model.names for model in model_page(manifest, 5).models}
    assert names == {A: ["best", "worse", "flies@2"], B: ["flies@1"]}
    details = model_details(manifest, A, None)
    assert (details.aliases, details.versions) == (["best", "worse"], {"flies": 2})
