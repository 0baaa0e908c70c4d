"""`models ls` and `models pull` as they are typed, with the service and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from client.shelf import NOBODY, Shelf

from sleap_rtc.storage.registry_changes import Removed

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product, Said

MICE = {"best.ckpt": b"weights of mice", "config.yaml": b"epochs: 3\n"}
OFFLINE = {"SLEAP_RTC_BACKEND_API_URL": NOBODY}


@pytest.fixture
def shelf(product: Product, tmp_path: Path) -> Shelf:
    """Return a room and a machine of a user of their own."""
    return Shelf(product, tmp_path / ".sleap-rtc")


def run(shelf: Shelf, *arguments: str, **environment: str) -> Said:
    home = str(shelf.registry.models_dir.parents[1])
    return shelf.product.run("models", *arguments, HOME=home, USERPROFILE=home, **environment)


def test_a_second_pull_sends_nothing_and_says_so(shelf: Shelf) -> None:
    model_id = shelf.put(MICE)
    first, again = (run(shelf, "pull", model_id, "-r", shelf.room_id) for _ in range(2))
    assert f"Model {model_id} is verified: " in first.out
    assert f"Model {model_id} is here and verified, nothing was sent: " in again.out
    assert (first.status, again.status, again.err) == (0, 0, "")


def test_a_damaged_model_is_named_and_mended(shelf: Shelf) -> None:
    model_id = shelf.put(MICE)
    folder = shelf.bring(model_id).folder
    (folder / "config.yaml").write_bytes(b"")
    listed = run(shelf, "ls", "--here").out
    assert "config.yaml has 0 bytes instead of 10" in listed
    told = run(shelf, "pull", model_id, "-r", shelf.room_id, "--verify").out
    assert "config.yaml has 0 bytes instead of 10; it was downloaded again." in told
    assert (folder / "config.yaml").read_bytes() == MICE["config.yaml"]


def test_what_is_here_is_listed_without_a_room(shelf: Shelf) -> None:
    model_id = shelf.put(MICE)
    shelf.alias("mice", model_id)
    shelf.bring("mice")
    (mine,) = run(shelf, "ls", "--here", "--json", **OFFLINE).json()
    assert (mine["alias"], mine["room"], mine["files"], mine["size_bytes"]) == (
        "mice",
        shelf.room_id,
        "ok",
        25,
    )
    shelf.room.change(Removed(model_id=model_id), "ada", shelf.now)
    run(shelf, "ls", "-r", shelf.room_id)
    assert f"{shelf.room_id} (removed there 20" in run(shelf, "ls", "--here").out


def test_a_room_is_listed_as_it_was_if_the_service_is_away(shelf: Shelf) -> None:
    model_id = shelf.put(MICE)
    listed = run(shelf, "ls", "-r", shelf.room_id)
    offline = run(shelf, "ls", "-r", shelf.room_id, **OFFLINE)
    assert (offline.status, offline.out) == (0, listed.out)
    assert model_id in listed.out
    assert (
        offline.sentence
        == "sleap-rtc: as the room had it less than a minute ago; the service does not answer"
    )


def test_a_room_that_was_never_listed_needs_the_service(shelf: Shelf) -> None:
    told = run(shelf, "ls", "-r", shelf.room_id, **OFFLINE)
    assert (told.status, "does not answer" in told.sentence) == (5, True)


def test_a_list_needs_a_room_or_this_machine(shelf: Shelf) -> None:
    told = run(shelf, "ls")
    assert told.status == 2
    assert "--here" in told.err


def test_a_pull_to_a_folder_and_by_alias_offline(shelf: Shelf, tmp_path: Path) -> None:
    shelf.alias("mice", shelf.put(MICE))
    first = run(shelf, "pull", "mice", "-r", shelf.room_id, "-o", str(tmp_path / "out"))
    offline = run(shelf, "pull", "mice", "-r", shelf.room_id, **OFFLINE)
    assert (first.status, offline.status) == (0, 0)
    assert "is here and verified" in offline.out
    assert str(tmp_path / "out") in offline.out
