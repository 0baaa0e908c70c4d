"""Pulls by several processes, by one that is killed, and onto a disk that is too small."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from client.registry_vocabulary import A, assert_ended_well, in_room, start
from client.shelf import NOBODY, Shelf
from support.tiny_server import TinyServer, Visitor

from sleap_rtc.client.file_notes import notes_of_entry
from sleap_rtc.client.model_check import Reading, check_files
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.pull import FolderUnusable, pull_model
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.api import FileDownload, ModelDownload
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.manifest import ModelFile
from sleap_rtc.storage.part_plan import PREFERRED_PART_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

RANGE = PREFERRED_PART_BYTES
WEIGHTS = bytes(range(256)) * (3 * RANGE // 256)
FILES = {"a.json": b"{}" * 50_000, "best.ckpt": WEIGHTS, "config.yaml": b"epochs: 3\n"}

PULL = """
import os, signal, sys
from pathlib import Path
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.model_source import ModelSource
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.storage.errors import SleapRtcError

url, token, room, registry, model, die_at = sys.argv[1:]

def hook(progress):
    if progress.done_bytes >= int(die_at):
        os.kill(os.getpid(), signal.SIGKILL)

source = ModelSource(ServiceClient(url, token), ClientModelRegistry(Path(registry)), room)
try:
    print(source.bring(model, on_progress=hook).how)
except SleapRtcError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
NEVER = 1 << 60
SMALL_DISK = 'mount -t tmpfs -o size=2m tmpfs "$1" && shift && "$@"; ls -R "$(dirname "$7")" >&2'


@pytest.fixture
def shelf(product: Product, tmp_path: Path) -> Shelf:
    return Shelf(product, tmp_path)


def arguments(shelf: Shelf, model_id: str, die_at: int = NEVER) -> list[object]:
    path = shelf.registry.registry_path
    return [shelf.service.url, shelf.token, shelf.room_id, path, model_id, die_at]


def assert_entered_only_if_whole(shelf: Shelf, model_id: str) -> None:
    entry = shelf.registry.get(model_id)
    if entry is not None and entry["local_path"]:
        folder = shelf.registry.models_dir / f"centroid_{model_id}"
        assert check_files(folder, notes_of_entry(entry), Reading.ALL).verified


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_processes_that_pull_one_model_at_once_all_get_it(shelf: Shelf) -> None:
    model_id = shelf.put(FILES)
    pulls = [start(PULL, *arguments(shelf, model_id)) for _ in range(3)]
    while any(pull.poll() is None for pull in pulls):
        assert_entered_only_if_whole(shelf, model_id)
    for pull in pulls:
        assert_ended_well(pull)
    assert list(shelf.registry.get_all_models()) == [model_id]
    assert names_in(shelf.registry.models_dir / f"centroid_{model_id}") == sorted(FILES)
    assert shelf.bring(model_id).how == "here"


@pytest.mark.parametrize("die_at", [1, len(FILES["a.json"]), len(FILES["a.json"]) + RANGE])
def test_a_pull_that_was_killed_goes_on_from_what_was_verified(shelf: Shelf, die_at: int) -> None:
    model_id = shelf.put(FILES)
    killed = start(PULL, *arguments(shelf, model_id, die_at))
    killed.communicate(timeout=60)
    assert killed.returncode == -9
    entry = shelf.registry.get(model_id)
    assert entry is not None
    assert entry["local_path"] is None
    found = shelf.bring(model_id)
    assert shelf.fetched_bytes <= sum(map(len, FILES.values())) - die_at
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == FILES


def may_mount() -> bool:
    done = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux" or not may_mount(), reason="may not mount a small disk here")
def test_a_model_that_the_disk_cannot_hold_is_told_in_a_sentence(shelf: Shelf) -> None:
    model_id = shelf.put({"a.json": b"{}" * 50_000, "best.ckpt": bytes(3_000_000)})
    home = shelf.registry.models_dir
    home.mkdir()
    pull = [sys.executable, "-c", PULL, *map(str, arguments(shelf, model_id))]
    told = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(home), *pull],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "DiskFull: The disk that holds " in told.stderr
    assert "3,000,000 bytes are needed" in told.stderr
    assert "a.json" in told.stderr
    assert "best.ckpt" not in told.stderr


def test_a_folder_that_cannot_be_one_is_told_in_a_sentence(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FolderUnusable, match=r"cannot be put at .*notes\.txt.*: Not a directory"):
        shelf.bring(shelf.put(FILES), tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("model_type", "file_name"),
    [("../../etc", "best.ckpt"), ("a/b", "best.ckpt"), ("centroid", "../best.ckpt"), ("centroid", "/etc/x")],
)
def test_a_service_cannot_put_files_elsewhere(tmp_path: Path, model_type: str, file_name: str) -> None:
    file = ModelFile(name=file_name, size_bytes=1, checksum="crc64nvme:AAAAAAAAAAA=")
    model = in_room(A, model_type=model_type)
    model.storage.files = (file,)
    offered = FileDownload(**file.model_dump(), etag="e", url=NOBODY)
    answer = ModelDownload(model=model, files=[offered]).model_dump_json().encode()
    registry = ClientModelRegistry(tmp_path / "models" / "manifest.json")

    def offer(visitor: Visitor) -> None:
        visitor.head()
        visitor.answer("200 OK", body=answer)

    refused = pytest.raises(InputError, match="is not a name that a model's")
    with TinyServer(offer) as server, refused:
        pull_model(ServiceClient(server.url, ""), registry, "lab", A)
    assert list(tmp_path.iterdir()) == []
