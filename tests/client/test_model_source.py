"""From a name to a model's folder: a real service on a real store, real files, or nobody who answers."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from client.registry_vocabulary import A, add
from client.shelf import ROOMS, Shelf

from sleap_rtc.client.model_check import Reading
from sleap_rtc.client.model_source import ModelOutOfReach
from sleap_rtc.storage.errors import IntegrityError, NotFound, Unreachable
from sleap_rtc.storage.keys import ModelFolder
from sleap_rtc.storage.manifest_changes import LegacyIdAmbiguous, ModelRemoved
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.registry_changes import Removed, VersionAdded

if TYPE_CHECKING:
    from support.product import Product

    from sleap_rtc.client.model_source import FoundModel

MICE = {"best.ckpt": b"weights of mice", "config.yaml": b"epochs: 3\n"}
FLIES = {"best.ckpt": b"weights of flies"}


@pytest.fixture
def shelf(product: Product, tmp_path: Path) -> Shelf:
    return Shelf(product, tmp_path)


def assert_whole(found: FoundModel, files: dict[str, bytes]) -> None:
    there = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    assert there == files


class TestAModelThatIsNotHere:
    @pytest.mark.parametrize("name", ["id", "mice", "mouse@1", "mouse@latest"])
    def test_is_downloaded_by_every_name(self, shelf: Shelf, name: str) -> None:
        model_id = shelf.put(MICE)
        shelf.alias("mice", model_id)
        shelf.room.change(VersionAdded(name="mouse", model_id=model_id), "ada", shelf.now)
        found = shelf.bring(model_id if name == "id" else name)
        assert (found.how, found.model_id, found.verified) == ("downloaded", model_id, True)
        assert_whole(found, MICE)
        assert shelf.fetched_bytes == sum(map(len, MICE.values()))

    def test_is_entered_with_its_room_and_its_files(self, shelf: Shelf) -> None:
        model_id = shelf.put(MICE)
        shelf.alias("mice", model_id)
        folder = shelf.bring("mice").folder
        entry = shelf.registry.get(model_id)
        assert entry is not None
        assert folder == shelf.registry.models_dir / f"centroid_{model_id}"
        assert (entry["room"], entry["rooms"]) == (shelf.room_id, {shelf.room_id: "mice"})
        assert [(file["name"], file["size_bytes"]) for file in entry["files"]] == [
            ("best.ckpt", 15),
            ("config.yaml", 10),
        ]
        assert (entry["checkpoint_path"], entry["metrics"]) == (
            str(folder / "best.ckpt"),
            {"val_error_px": 1.5},
        )

    def test_that_arrives_altered_is_not_entered_and_what_was_right_is_kept(self, shelf: Shelf) -> None:
        model_id = shelf.put(MICE)
        key = ModelFolder(shelf.room_id, "centroid", model_id).file("config.yaml")
        shelf.product.objects(ROOMS).put(key, b"epochs: 4\n", Overwrite())
        with pytest.raises(IntegrityError):
            shelf.bring(model_id)
        entry = shelf.registry.get(model_id)
        assert entry is not None
        assert entry["local_path"] is None
        shelf.product.objects(ROOMS).put(key, b"epochs: 3\n", Overwrite())
        assert_whole(shelf.bring(model_id), MICE)
        assert shelf.fetched_bytes == len(b"epochs: 3\n")

    def test_and_that_nobody_knows_is_not_found(self, shelf: Shelf) -> None:
        with pytest.raises(NotFound, match="There is no model mice in room"):
            shelf.bring("mice")

    def test_and_that_was_published_a_moment_ago_is_asked_for(self, shelf: Shelf) -> None:
        shelf.bring(shelf.put(MICE))
        shelf.alias("flies", shelf.put(FLIES))
        assert_whole(shelf.bring("flies"), FLIES)

    def test_and_that_was_removed_says_so(self, shelf: Shelf) -> None:
        model_id = shelf.put(MICE)
        shelf.room.change(Removed(model_id=model_id), "ada", shelf.now)
        with pytest.raises(ModelRemoved, match="restore it to use it again"):
            shelf.bring(model_id)


class TestAModelThatIsHere:
    def test_is_not_sent_again(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        again = shelf.bring(str(first.model_id))
        assert (again.how, again.verified, again.folder) == ("here", True, first.folder)
        assert shelf.progress == []

    def test_is_taken_by_its_id_without_a_question(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        found = shelf.bring_offline(str(first.model_id))
        assert (found.how, found.age, found.note) == ("here", None, "")

    @pytest.mark.parametrize(
        ("damage", "told"),
        [
            (Path.unlink, "best.ckpt is missing"),
            (lambda path: os.truncate(path, 3), "best.ckpt has 3 bytes instead of 15"),
            (lambda path: path.write_bytes(b"weights of lice"), "best.ckpt was changed"),
        ],
    )
    def test_but_damaged_is_mended_with_the_damaged_file_alone(
        self, shelf: Shelf, damage: object, told: str
    ) -> None:
        first = shelf.bring(shelf.put(MICE))
        assert callable(damage)
        damage(first.folder / "best.ckpt")
        again = shelf.bring(str(first.model_id))
        assert (again.how, again.mended) == ("downloaded", (told,))
        assert shelf.fetched_bytes == len(MICE["best.ckpt"])
        assert_whole(again, MICE)

    def test_but_changed_behind_its_back_is_found_out_when_every_byte_is_read(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        checkpoint = first.folder / "best.ckpt"
        before = checkpoint.stat()
        checkpoint.write_bytes(b"weights of lice")
        os.utime(checkpoint, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert shelf.bring(str(first.model_id)).how == "here"
        assert shelf.bring(str(first.model_id), reading=Reading.ALL).mended == ("best.ckpt was changed",)

    def test_and_touched_is_read_once_and_then_believed(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        (first.folder / "best.ckpt").touch()
        before = shelf.registry.get(str(first.model_id))
        assert shelf.bring(str(first.model_id)).how == "here"
        noted = shelf.registry.get(str(first.model_id))
        assert noted != before
        assert shelf.bring(str(first.model_id)).how == "here"
        assert shelf.registry.get(str(first.model_id)) == noted

    def test_and_was_removed_from_the_room_stays_and_says_so(self, shelf: Shelf) -> None:
        model_id = shelf.put(MICE)
        shelf.alias("mice", model_id)
        shelf.bring("mice")
        shelf.room.change(Removed(model_id=model_id), "ada", shelf.now)
        shelf.wait(hours=1)
        by_alias, by_id = shelf.bring("mice"), shelf.bring(model_id)
        shelf.wait(hours=1)
        for found in (by_alias, by_id, shelf.bring_offline("mice")):
            assert (found.how, found.model_id) == ("here", model_id)
            assert found.note.startswith(f"room {shelf.room_id} removed it on ")

    def test_in_a_registry_that_was_lost_is_read_and_entered_again(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        shelf.registry.registry_path.unlink()
        assert shelf.bring(str(first.model_id)).folder == first.folder
        assert shelf.fetched_bytes == 0


class TestAnotherFolder:
    def test_gets_the_model_once(self, shelf: Shelf, tmp_path: Path) -> None:
        model_id = shelf.put(MICE)
        first, again = (shelf.bring(model_id, tmp_path / "out") for _ in range(2))
        assert (first.how, again.how) == ("downloaded", "here")
        assert first.folder == again.folder == tmp_path / "out" / f"centroid_{model_id}"
        assert_whole(again, MICE)

    def test_that_was_named_from_here_is_found_from_elsewhere(
        self, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        first = shelf.bring(shelf.put(MICE), Path("out"))
        monkeypatch.chdir("/")
        assert shelf.bring(str(first.model_id)).folder == first.folder == tmp_path / "out" / first.folder.name

    def test_is_where_a_damaged_model_is_mended(self, shelf: Shelf, tmp_path: Path) -> None:
        first = shelf.bring(shelf.put(MICE), tmp_path / "out")
        (first.folder / "best.ckpt").unlink()
        again = shelf.bring(str(first.model_id))
        assert (again.folder, shelf.fetched_bytes) == (first.folder, len(MICE["best.ckpt"]))

    def test_that_is_a_link_to_the_users_own_files_is_never_written_to(
        self, shelf: Shelf, tmp_path: Path
    ) -> None:
        first = shelf.bring(shelf.put(MICE), tmp_path / "out")
        mine = first.folder.rename(tmp_path / "mine")
        first.folder.symlink_to(mine)
        (mine / "best.ckpt").write_bytes(b"trained on")
        again = shelf.bring(str(first.model_id))
        assert again.folder.parent == shelf.registry.models_dir
        assert (mine / "best.ckpt").read_bytes() == b"trained on"

    def test_that_is_gone_is_replaced_by_the_registrys_own(self, shelf: Shelf, tmp_path: Path) -> None:
        first = shelf.bring(shelf.put(MICE), tmp_path / "usb stick")
        shutil.rmtree(tmp_path / "usb stick")
        again = shelf.bring(str(first.model_id))
        assert again.folder.parent == shelf.registry.models_dir
        assert_whole(again, MICE)


class TestAnAlias:
    def test_that_moved_is_followed_once_the_last_answer_is_old(self, shelf: Shelf) -> None:
        mice, flies = shelf.put(MICE), shelf.put(FLIES)
        shelf.alias("best", mice)
        assert shelf.bring("best").model_id == mice
        shelf.alias("best", flies)
        assert shelf.bring("best").model_id == mice
        shelf.wait(seconds=61)
        assert shelf.bring("best").model_id == flies

    def test_holds_with_its_age_while_the_service_is_away(self, shelf: Shelf) -> None:
        shelf.alias("best", shelf.put(MICE))
        shelf.bring("best")
        shelf.wait(hours=3, minutes=5)
        found = shelf.bring_offline("best")
        assert (found.how, found.age) == ("here", timedelta(hours=3, minutes=5))
        assert found.note == "as the room had it 3 hours ago; the service does not answer"

    def test_of_the_room_means_the_same_with_and_without_the_service(self, shelf: Shelf) -> None:
        add(shelf.registry, A, alias="best")
        mice = shelf.put(MICE)
        shelf.alias("best", mice)
        assert shelf.bring("best").model_id == mice
        shelf.wait(hours=1)
        assert shelf.bring_offline("best").model_id == mice

    def test_beyond_the_one_that_the_registry_can_hold_is_known_offline(self, shelf: Shelf) -> None:
        mice = shelf.put(MICE)
        shelf.alias("best", mice)
        shelf.alias("zweite", mice)
        shelf.bring("best")
        shelf.wait(hours=1)
        assert shelf.bring_offline("zweite").model_id == mice

    def test_of_this_machine_alone_is_good_too(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        shelf.registry.set_alias(str(first.model_id), "mine")
        assert shelf.bring("mine").note == "found by this machine's own alias; the room has no such model"
        shelf.wait(hours=1)
        assert shelf.bring_offline("mine").note.endswith("alias; the service does not answer")


class TestWithoutTheService:
    def test_a_model_that_was_never_here_is_out_of_reach(self, shelf: Shelf) -> None:
        shelf.alias("mice", shelf.put(MICE))
        shelf.bring(shelf.put(FLIES))
        shelf.wait(days=2)
        with pytest.raises(ModelOutOfReach, match=r"mice is not whole .* as the room had it 2 days ago"):
            shelf.bring_offline("mice")

    def test_a_name_that_the_room_did_not_have_is_out_of_reach_too(self, shelf: Shelf) -> None:
        shelf.bring(shelf.put(MICE))
        with pytest.raises(ModelOutOfReach, match="The room had no such model less than a minute ago"):
            shelf.bring_offline("flies")

    def test_a_room_that_was_never_asked_is_out_of_reach(self, shelf: Shelf) -> None:
        with pytest.raises(Unreachable, match="does not answer"):
            shelf.bring_offline("mice")


class TestAPath:
    def test_to_a_folder_with_a_model_is_taken_as_it_is(self, shelf: Shelf, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "best.ckpt").touch()
        (tmp_path / "mine" / "config.yaml").write_bytes(b"epochs: 3\n")
        found = shelf.find(str(tmp_path / "mine"))
        assert (found.how, found.folder, found.model_id) == ("path", tmp_path / "mine", "f2413676")

    def test_to_a_model_that_is_registered_has_its_id(self, shelf: Shelf) -> None:
        first = shelf.bring(shelf.put(MICE))
        assert shelf.find(str(first.folder)).model_id == first.model_id

    def test_to_a_folder_without_a_model_is_a_name_like_any_other(
        self, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mice").mkdir()
        shelf.alias("mice", shelf.put(MICE))
        assert shelf.find("mice").how == "downloaded"


class TestALegacyId:
    def test_means_the_rooms_model_that_has_it(self, shelf: Shelf) -> None:
        model_id = shelf.put(MICE, "f2413676", "deadbeef-2")
        found = shelf.bring("deadbeef-2")
        assert (found.how, found.model_id) == ("downloaded", model_id)

    def test_of_files_that_are_here_is_the_rooms_model_if_they_are_the_same(
        self, shelf: Shelf, tmp_path: Path
    ) -> None:
        model_id = shelf.put(MICE, "f2413676")
        folder = existing_tools(shelf, tmp_path, "f2413676", MICE)
        found = shelf.bring(model_id)
        assert (found.how, found.model_id, found.folder) == ("here", model_id, folder)
        assert shelf.bring("f2413676").model_id == model_id

    def test_of_files_that_are_others_stays_what_it_was(self, shelf: Shelf, tmp_path: Path) -> None:
        model_id = shelf.put(MICE, "f2413676")
        existing_tools(shelf, tmp_path, "f2413676", {**MICE, "best.ckpt": b"weights of lice"})
        assert shelf.bring(model_id).how == "downloaded"
        found = shelf.bring("f2413676")
        assert (found.how, found.model_id, found.verified) == ("here", "f2413676", False)

    def test_of_several_models_names_them(self, shelf: Shelf) -> None:
        both = [shelf.put(MICE, "f2413676"), shelf.put(FLIES, "f2413676")]
        with pytest.raises(LegacyIdAmbiguous, match=", ".join(sorted(both))):
            shelf.bring("f2413676")


def existing_tools(shelf: Shelf, tmp_path: Path, model_id: str, files: dict[str, bytes]) -> Path:
    """Leave a model as the existing tool does: a folder, and an entry that notes no files."""
    folder = tmp_path / f"centroid_{model_id}"
    folder.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)
    add(shelf.registry, model_id, local_path=str(folder), source="local-import")
    return folder
