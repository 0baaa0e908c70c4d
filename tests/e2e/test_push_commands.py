"""A model of one's own, brought to a room with a command and fetched from there by somebody else."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from support.desktop import ROOMS
from support.product import Product, Said, eventually, kill_9

from sleap_rtc.client.legacy_ids import legacy_client_id
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.storage.model_folder import read_model_folder

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
CONFIG = {"model_config": {"head_configs": {"single_instance": None, "centroid": {"sigma": 2.5}}}}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as training leaves it, with things in it that are no part of the model."""
    folder = tmp_path / "mäuse run 1"
    (folder / "logs").mkdir(parents=True)
    (folder / "best.ckpt").write_bytes(random.Random(1).randbytes(9 * MIB))
    (folder / "training_config.json").write_text(json.dumps(CONFIG))
    (folder / "training_log.csv").write_bytes(b"")
    (folder / "notes.txt").write_text("mine")
    return folder


def push(product: Product, folder: Path, room: str, *options: str) -> Said:
    return product.run("models", "push", str(folder), "-r", room, *options)


def test_a_pushed_model_is_what_others_pull(product: Product, trained: Path, tmp_path: Path) -> None:
    room = product.new_room()
    said = push(product, trained, room)
    assert (said.status, "The room shows it" in said.out) == (0, True), said.err
    assert "left out: logs/, notes.txt." in said.out
    model_id = read_model_folder(trained).model_id
    (shown,) = product.run("models", "ls", "-r", room, "--json").json()
    assert (shown["id"], shown["model_type"], shown["training"]["job_id"]) == (model_id, "centroid", "")
    assert shown["legacy_ids"] == [legacy_client_id(trained)]

    away = tmp_path / "away"
    pulled = product.run(
        "models", "pull", model_id, "-r", room, "-o", str(away), HOME=str(tmp_path / "other")
    )
    assert pulled.status == 0, pulled.err
    for name in ("best.ckpt", "training_config.json", "training_log.csv"):
        assert (away / f"centroid_{model_id}" / name).read_bytes() == (trained / name).read_bytes()


def test_the_registry_knows_where_a_pushed_model_lies(product: Product, trained: Path) -> None:
    (trained / "best.ckpt").write_bytes(b"other weights")
    push(product, trained, product.new_room())
    registry = ClientModelRegistry(product.home / ".sleap-rtc" / "models" / "manifest.json")
    entry = registry.get(read_model_folder(trained).model_id)
    assert entry is not None
    assert (entry["source"], entry["local_path"]) == ("client-upload", str(trained))


def test_a_model_that_the_room_has_is_not_sent_again(product: Product, trained: Path) -> None:
    room = product.new_room()
    first = push(product, trained, room, "--json").json_lines()[-1]
    again = push(product, trained, room, "--json").json_lines()[-1]
    size_bytes = read_model_folder(trained).files
    assert (first["kind"], first["sent_bytes"]) == ("pushed", sum(file.size_bytes for file in size_bytes))
    assert (again["sent_bytes"], again["already_present"], again["shown"]) == (0, True, True)
    assert "already, so nothing was sent" in push(product, trained, room).out


def test_a_killed_push_sends_only_what_is_not_there(product: Product, trained: Path) -> None:
    room = product.new_room()
    (trained / "second.ckpt").write_bytes(random.Random(2).randbytes(20 * MIB))
    client = product.start("models", "push", str(trained), "-r", room, "--limit", "8MB")
    folder = f"{room}/models/centroid_{read_model_folder(trained).model_id}/"
    objects = product.objects(ROOMS)
    eventually(lambda: f"{folder}best.ckpt" in [info.key for info in objects.list(folder)])
    kill_9(client)
    assert f"{folder}model.json" not in [info.key for info in objects.list(folder)]
    again = push(product, trained, room, "--json").json_lines()
    sent, total = again[-1]["sent_bytes"], again[-1]["size_bytes"]
    assert (sent <= total - 9 * MIB, again[-1]["already_present"], again[-1]["shown"]) == (True, False, True)
    assert max(line.get("resumed_bytes", 0) for line in again) >= 9 * MIB


def test_a_file_that_the_store_lost_is_named_and_brought_back_by_the_same_push(
    product: Product, trained: Path, tmp_path: Path
) -> None:
    room = product.new_room()
    push(product, trained, room)
    model_id = read_model_folder(trained).model_id
    product.objects(ROOMS).delete(f"{room}/models/centroid_{model_id}/training_config.json")
    pull = ("models", "pull", model_id, "-r", room, "-o", str(tmp_path / "away"))
    lost = product.run(*pull)
    assert (lost.status, "lost training_config.json" in lost.sentence) == (4, True)
    assert f"`sleap-rtc models push FOLDER -r {room}`" in lost.sentence
    assert not (tmp_path / "away").exists()
    again = push(product, trained, room, "--json").json_lines()[-1]
    assert again["sent_bytes"] == (trained / "training_config.json").stat().st_size
    assert product.run(*pull).status == 0


def test_a_strangers_room_takes_nothing(product: Product, trained: Path) -> None:
    said = push(product, trained, "00000000")
    assert (said.status, "There is no room 00000000" in said.sentence) == (4, True)


def test_a_folder_without_a_model_is_said_so_in_a_sentence(product: Product, tmp_path: Path) -> None:
    said = push(product, tmp_path, product.new_room())
    assert (said.status, "it has no checkpoint" in said.sentence) == (3, True)
