"""`sleap-rtc models` as its users have it: named, compared, drawn, removed, and what cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.product import Product, Said
from support.registry import READER, STRANGER, ModelLab

from sleap_rtc.storage import keys
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from pathlib import Path


class People(ModelLab):
    """A room with models, and the commands of its people."""

    def models(self, *arguments: str, subject: str = "") -> Said:
        token = {"SLEAP_RTC_TOKEN": self.product.stack.issuer.token(subject)} if subject else {}
        return self.product.run("models", *arguments, "-r", self.room_id, **token)

    def at_a_terminal(self, typed: str, *arguments: str) -> Said:
        """Run a command whose standard input is a terminal on which this is typed."""
        ours, theirs = os.openpty()
        try:
            os.write(ours, typed.encode())
            done = subprocess.run(
                [sys.executable, "-m", "sleap_rtc.client", "models", *arguments, "-r", self.room_id],
                env=self.product.client_environment,
                stdin=theirs,
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=60,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def lab(product: Product) -> People:
    return People(product)


def test_a_model_is_named_found_by_its_names_and_drawn(lab: People, tmp_path: Path) -> None:
    one, two = lab.published("one"), lab.published("two", minutes=5)
    lab.checked_in("desk-1", one)
    assert lab.models("alias", one, "best").out == f"Alias best names {one}.\n"
    assert lab.models("version", "best", "flies").out == f"Model {one} is flies@1.\n"
    assert lab.models("tag", "flies@1", "+good", "+old").status == 0
    assert lab.models("tag", "best", "-old", "+new").out == f"Model {one} has these tags: good, new.\n"
    assert lab.models("note", "best", "Finds antennae.").status == 0
    newer, older = lab.models("ls", "--json").json()
    assert (newer["id"], newer["names"]) == (two, [])
    assert (older["id"], older["names"], older["tags"]) == (one, ["best", "flies@1"], ["good", "new"])
    listed = lab.models("ls", "--tag", "good").out
    assert "best, flies@1" in listed
    assert "desk-1" in listed
    shown = lab.models("show", "flies@latest").out
    for text in ("Finds antennae.", "gpu-1", "crc64nvme:DATASETDATA=", "python 3.12.1", "▁", "epoch 8"):
        assert text in shown
    picture = tmp_path / "loss.png"
    assert lab.models("plot", "best", two, "-o", str(picture)).status == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_long_list_is_cut_and_says_so(lab: People) -> None:
    for number in range(3):
        lab.published(str(number), minutes=number)
    assert "These are the newest 2 of 3; --most lists more." in lab.models("ls", "--most", "2").out
    assert len(lab.models("ls", "--most", "2", "--json").json()) == 2


def test_a_model_is_removed_and_brought_back_and_the_history_tells(lab: People) -> None:
    model = lab.published("one")
    lab.models("alias", model, "best")
    assert f"sleap-rtc models restore {model} -r {lab.room_id}" in lab.models("rm", "best").out
    gone = lab.models("show", "best")
    assert (gone.status, f"Model {model} was removed from room" in gone.sentence) == (4, True)
    assert lab.models("ls").out == "No models in this room yet.\n"
    assert model in lab.models("ls", "--removed").out
    assert lab.models("restore", "best").status == 0
    told = [entry["what"] for entry in lab.models("history", "--json").json()]
    assert told[:2] == [f"model {model} was restored", f"model {model} was removed"]
    assert lab.models("diff", "1").out == f"From revision 1 to 4:\n  alias best names {model}\n"


def test_an_alias_that_names_another_model_is_moved_only_on_demand(lab: People) -> None:
    one, two = lab.published("one"), lab.published("two")
    lab.models("alias", one, "best")
    refused = lab.models("alias", two, "best")
    about = f"{one} (centroid, trained 2026-11-03 12:00 UTC)"
    assert (refused.status, refused.sentence) == (
        3,
        f"sleap-rtc: The alias best names model {about}. Nothing was changed; `--move` takes it from there.",
    )
    assert lab.at_a_terminal("n\n", "alias", two, "best").status == 3
    asked = lab.at_a_terminal("y\n", "alias", two, "best")
    assert f"The alias best names model {about}. Let it name {two}?" in asked.out
    assert lab.models("alias", one, "best", "--move").out == f"Alias best names {one} and no longer {two}.\n"
    assert lab.models("alias", "--rm", "best").out == f"Alias best is gone; it named {one}.\n"
    assert lab.models("alias", "--rm", "best").status == 4


def test_an_alias_of_a_removed_model_says_so_and_can_be_moved(lab: People) -> None:
    one, two = lab.published("one"), lab.published("two")
    lab.models("alias", one, "best")
    lab.models("rm", one)
    assert f"names model {one}, which was removed." in lab.models("alias", two, "best").sentence
    assert lab.models("alias", two, "best", "--move").status == 0


@pytest.mark.parametrize(
    ("arguments", "subject", "status", "sentence"),
    [
        (["show", "nobody"], "", 4, "There is no model nobody in room"),
        (["show", "a/../b"], "", 4, "There is no model a/../b in room"),
        (["alias", "MODEL", "0123abcd"], "", 3, "look like a model id"),
        (["version", "MODEL", "all"], "", 3, "have a meaning of their own"),
        (["tag", "MODEL", "+no good"], "", 3, "cannot be a tag"),
        (["note", "MODEL", "x" * 4001], "", 3, "Notes have at most 4,000 characters"),
        (["diff", "1", "99"], "", 4, "There is no revision 99"),
        (["plot", "MODEL", "-o", "loss.jpg"], "", 3, "ends with one of .pdf, .png, .svg"),
        (["gc", "--grace", "5m"], "", 3, "from 1h to 365d"),
        (["rm", "MODEL"], READER, 9, "you may only read in room"),
        (["repair"], READER, 9, "only owners of room"),
        (["ls"], STRANGER, 4, "There is no room"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    lab: People, arguments: list[str], subject: str, status: int, sentence: str
) -> None:
    model = lab.published("one")
    said = lab.models(*(model if each == "MODEL" else each for each in arguments), subject=subject)
    assert (said.status, sentence in said.sentence) == (status, True), said.err


@pytest.mark.parametrize("arguments", [["alias"], ["alias", "x"], ["alias", "x", "--rm", "y"], ["tag", "x"]])
def test_what_is_half_said_is_wrong_usage(lab: People, arguments: list[str]) -> None:
    assert lab.models(*arguments).status == 2


def test_a_damaged_manifest_is_told_and_repaired(lab: People) -> None:
    key = keys.manifest_key(lab.room_id)
    lab.rooms.put(key, b"{", Overwrite())
    told = lab.models("ls")
    assert (told.status, "`sleap-rtc models repair -r ROOM`" in told.sentence) == (1, True)
    lab.rooms.delete(key)
    model = lab.published("one")
    lab.rooms.put(key, b"{", Overwrite())
    said = lab.models("repair").out
    assert "The manifest was damaged." in said
    assert "rebuilt from the log, at revision 1" in said
    assert model in lab.models("ls").out


def test_a_manifest_of_a_newer_version_is_left_alone(lab: People) -> None:
    lab.rooms.put(keys.manifest_key(lab.room_id), b'{"room_id": "x", "schema_version": 99}', Overwrite())
    for command in ("ls", "repair"):
        told = lab.models(command)
        assert (told.status, "Update sleap-rtc" in told.sentence) == (1, True)


def test_a_model_whose_record_is_gone_is_shown_but_not_drawn(lab: People) -> None:
    model = lab.published("one")
    lab.rooms.delete(lab.record_key(model))
    assert "damaged or gone" in lab.models("show", model).out
    undrawn = lab.models("plot", model)
    assert (undrawn.status, "has no loss curve" in undrawn.sentence) == (3, True)


def test_what_is_left_over_is_listed_and_deleted_once_it_may_be(tmp_path: Path) -> None:
    product = Product(tmp_path)
    with product.stack:
        lab = People(product)
        lab.published("kept")
        orphan = lab.uploaded("an orphan").model_id
    make_old(tmp_path)
    with product.stack:
        listed = lab.models("gc").out
        assert f"{lab.room_id}/models/centroid_{orphan}/" in listed
        assert "Nothing was deleted; --delete deletes them." in listed
        refused = lab.models("gc", "--delete")
        assert (refused.status, "`--yes`" in refused.sentence) == (3, True)
        assert "Deleted: 1 folder, " in lab.models("gc", "--delete", "--yes").out
        assert lab.models("gc", "--json").json() == {"deleted": False, "orphans": []}
        assert len(lab.models("ls", "--json").json()) == 1


def make_old(folder: Path) -> None:
    """Let the files of all models have been written long ago, in what the engine keeps of them."""
    for path in folder.rglob("*/models/**/*.meta.json"):
        told = json.loads(path.read_text("utf-8"))
        for each in (told, *told["versions"]):
            each["last_modified"] = "2026-01-01T00:00:00.000Z"
        path.write_text(json.dumps(told), "utf-8")


def test_a_store_that_goes_away_is_told_as_such(tmp_path: Path) -> None:
    product = Product(tmp_path)
    with product.stack:
        lab = People(product)
        lab.published("one")
        engine = next(child for child in product.stack.children if child.name == "engine")
        engine.stop()
        told = lab.models("ls")
        assert (told.status, "The object store at" in told.sentence) == (5, True)
