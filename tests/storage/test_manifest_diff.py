"""What changed between two manifests, as a person reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from storage.rooms import NOON, A, B, record, room_with

from sleap_rtc.storage.manifest import Manifest, with_model
from sleap_rtc.storage.manifest_changes import (
    restored_model,
    with_alias,
    with_notes,
    with_tags,
    with_version,
    without_alias,
    without_model,
)
from sleap_rtc.storage.manifest_diff import diff

LATER = NOON + timedelta(hours=1)
ROOM = room_with(A, B)
GOOD = with_alias(ROOM, "good", A, None)
TAGGED = with_tags(ROOM, A, ["x", "y"], [])
NOTED = with_notes(ROOM, A, "some")
REMOVED = without_model(ROOM, A, LATER)
FLIES = with_version(ROOM, "flies", A)
OTHER = ROOM.models[A].model_copy(update={"storage": ROOM.models[B].storage})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (room_with(A), ROOM, f"model {B} (unet) was published by ada"),
        (ROOM, room_with(A), f"model {B} is not there any more"),
        (ROOM, TAGGED, f"model {A} was tagged x, y"),
        (TAGGED, with_tags(TAGGED, A, [], ["x"]), f"model {A} lost the tag x"),
        (ROOM, NOTED, f"model {A} has other notes"),
        (NOTED, ROOM, f"model {A} lost its notes"),
        (ROOM, REMOVED, f"model {A} was removed"),
        (REMOVED, restored_model(REMOVED, A), f"model {A} was restored"),
        (ROOM, GOOD, f"alias good names {A}"),
        (GOOD, with_alias(GOOD, "good", B, A), f"alias good moved from {A} to {B}"),
        (GOOD, without_alias(GOOD, "good", A), f"alias good, which named {A}, was taken off"),
        (ROOM, FLIES, f"model {A} is version 1 of flies"),
        (FLIES, with_version(FLIES, "flies", B), f"model {B} is version 2 of flies"),
        (FLIES, with_version(ROOM, "flies", B), "the versions of flies were renumbered"),
        (
            ROOM,
            ROOM.model_copy(update={"models": {A: OTHER, B: ROOM.models[B]}}),
            f"model {A} has other files or another origin",
        ),
    ],
)
def test_one_change_is_one_sentence(before: Manifest, after: Manifest, words: str) -> None:
    assert diff(before, after) == (words,)


def test_nothing_changed_says_nothing() -> None:
    assert diff(GOOD, GOOD) == ()
    assert diff(ROOM, with_model(ROOM, record(A), "rooms")) == ()


def test_a_model_that_is_new_is_told_with_all_that_was_done_to_it() -> None:
    assert diff(Manifest(room_id="lab"), with_tags(room_with(A), A, ["x"], [])) == (
        f"model {A} (unet) was published by ada",
        f"model {A} was tagged x",
    )
