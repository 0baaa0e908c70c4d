"""Bringing a model to a room over a network that fails: what is sent, what is told, what is entered here."""

from __future__ import annotations

import json
import os
import random
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.desktop import OWNER, ROOMS
from support.fault_proxy import FaultProxy, LoseReply, Reply

from sleap_rtc.client.legacy_ids import legacy_client_id
from sleap_rtc.client.push import ModelPusher, ModelTypeUnknown, Pushed
from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events import service_http
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import FileChanged, SleapRtcError
from sleap_rtc.storage.manifest import Manifest, ModelRecord
from sleap_rtc.storage.manifest_changes import ModelRemoved
from sleap_rtc.storage.model_folder import YamlMissing, read_model_folder
from sleap_rtc.storage.registry_changes import Removed
from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.storage.progress import TransferProgress

MIB = 1024 * 1024
CONFIG: dict[str, Any] = {
    "model_config": {"head_configs": {"centroid": {"sigma": 2.5}}},
    "trainer_config": {"max_epochs": 3, "notes": "x" * 100_000},
    "sleap_nn_version": "0.1.2",
}
TRAINED_AT = 1_700_000_000


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_http, "_PAUSE_S", 0)


@pytest.fixture
def proxy(product: Product) -> Iterator[FaultProxy]:
    with FaultProxy(product.stack.service_url) as proxy:
        yield proxy


@pytest.fixture
def desk(product: Product, proxy: FaultProxy, registry: ClientModelRegistry) -> Desk:
    return Desk(product, proxy, registry)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "best.ckpt").write_bytes(random.Random(str(tmp_path)).randbytes(2 * MIB))
    (folder / "training_config.json").write_text(json.dumps(CONFIG))
    (folder / "metrics.json").write_text('{"val_loss": 0.5, "node_names": ["nose"], "trainer": "sleap-nn"}')
    os.utime(folder / "best.ckpt", (TRAINED_AT, TRAINED_AT))
    return folder


class Desk:
    """A client of a new room behind a proxy, with a registry of its own."""

    def __init__(self, product: Product, proxy: FaultProxy, registry: ClientModelRegistry) -> None:
        self.registry = registry
        self.service = ServiceClient(proxy.url, product.stack.issuer.token(OWNER))
        self.room = self.service.create_room("Test room").room_id
        self.said: list[str] = []
        self.seen: list[TransferProgress] = []
        self._objects = product.objects(ROOMS)

    def push(self, folder: Path, model_type: str = "", wait_s: float = 60) -> Pushed:
        pusher = ModelPusher(
            self.service, self.registry, 8 * MIB, 4, say=self.said.append, shown_within_s=wait_s
        )
        return pusher.push(folder, self.room, model_type, self.seen.append)

    def record(self, pushed: Pushed) -> ModelRecord:
        folder = keys.ModelFolder(pushed.room_id, pushed.model_type, pushed.model_id)
        return ModelRecord.model_validate_json(self._objects.get(folder.record).body)


def test_the_record_has_what_the_folder_tells(desk: Desk, trained: Path) -> None:
    pushed = desk.push(trained)
    record, config = desk.record(pushed), (trained / "training_config.json").read_bytes()
    assert (pushed.model_type, pushed.shown) == ("centroid", True)
    assert record.config_checksum == to_text(crc64nvme(config))
    assert record.legacy_ids == (legacy_client_id(trained),)
    assert record.hyperparameters == {"max_epochs": 3}
    assert (record.trainer, record.software) == ("sleap-nn", {"trainer": "sleap-nn 0.1.2"})
    assert record.metrics == {"val_loss": 0.5, "trainer": "sleap-nn"}
    assert record.trained_at.timestamp() == TRAINED_AT


def test_a_record_is_small_however_large_the_configuration_is(desk: Desk, trained: Path) -> None:
    record = desk.record(desk.push(trained))
    assert (trained / "training_config.json").stat().st_size > 100_000
    assert len(record.model_dump_json()) < 2_000


def test_every_lost_reply_is_asked_for_again_and_nothing_is_sent_twice(
    desk: Desk, proxy: FaultProxy, trained: Path
) -> None:
    for what in ("open", "sign-parts", "complete", "publish"):
        proxy.script(f"POST .*/{what}", LoseReply())
    pushed = desk.push(trained)
    assert (pushed.shown, pushed.already_present) == (True, False)
    assert pushed.sent_bytes == pushed.size_bytes
    assert proxy.count("POST .*/publish") == 2


def test_a_push_that_failed_goes_on_where_it_was(desk: Desk, proxy: FaultProxy, trained: Path) -> None:
    proxy.script("POST .*/publish", Reply(503), times=4)
    with pytest.raises(SleapRtcError):
        desk.push(trained)
    again = desk.push(trained)
    assert (again.sent_bytes, again.already_present, again.shown) == (0, False, True)
    assert (desk.seen[-1].done_bytes, desk.seen[-1].resumed_bytes) == (again.size_bytes, again.size_bytes)


def test_what_the_room_has_is_not_sent(desk: Desk, trained: Path) -> None:
    desk.push(trained)
    again = desk.push(trained)
    assert (again.sent_bytes, again.already_present, again.shown) == (0, True, True)


def test_a_room_that_is_slow_to_show_the_model_is_said_so(
    desk: Desk, proxy: FaultProxy, trained: Path
) -> None:
    empty = Manifest(room_id=desk.room).model_dump_json().encode()
    proxy.script("GET .*/manifest", Reply(200, empty))
    pushed = desk.push(trained, wait_s=0)
    assert (pushed.shown, pushed.already_present) == (False, False)
    assert desk.registry.exists(pushed.model_id)


def test_the_registry_keeps_what_it_knows_of_a_model_that_is_here(desk: Desk, trained: Path) -> None:
    model_id = read_model_folder(trained).model_id
    entry = {"id": model_id, "model_type": "centroid", "source": "worker-pull", "notes": "good"}
    desk.registry.register({**entry, "local_path": str(trained)})
    desk.push(trained)
    known = desk.registry.get(model_id)
    assert known is not None
    assert (known["source"], known["notes"]) == ("worker-pull", "good")


def test_a_model_that_is_gone_from_here_is_found_where_it_was_pushed_from(desk: Desk, trained: Path) -> None:
    model_id = read_model_folder(trained).model_id
    entry = {"id": model_id, "model_type": "centroid", "source": "worker-pull"}
    desk.registry.register({**entry, "local_path": str(trained / "away")})
    desk.push(trained)
    known = desk.registry.get(model_id)
    assert known is not None
    assert known["checkpoint_path"] == str(trained / "best.ckpt")


def test_a_file_that_changes_while_it_is_sent_is_not_published(
    desk: Desk, proxy: FaultProxy, trained: Path
) -> None:
    def alter(progress: TransferProgress) -> None:
        (trained / "best.ckpt").write_bytes(b"!" * 2 * MIB)

    with pytest.raises(FileChanged):
        ModelPusher(desk.service, desk.registry, 8 * MIB, 4).push(trained, desk.room, "", alter)
    assert proxy.count("POST .*/publish") == 0
    assert desk.registry.get_all_models() == {}


def test_the_kind_can_be_said_where_nothing_tells_it(desk: Desk, trained: Path) -> None:
    (trained / "training_config.json").unlink()
    with pytest.raises(ModelTypeUnknown, match="no training configuration"):
        desk.push(trained)
    with pytest.raises(ModelTypeUnknown, match="'unet' is no kind of model"):
        desk.push(trained, "unet")
    assert desk.push(trained, "bottomup").model_type == "bottomup"


def test_yaml_needs_a_reader_or_the_kind(desk: Desk, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trained / "training_config.json").unlink()
    (trained / "training_config.yaml").write_text(json.dumps(CONFIG))
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(YamlMissing, match="--type"):
        desk.push(trained)
    record = desk.record(desk.push(trained, "centroid"))
    assert (record.hyperparameters, record.legacy_ids) == ({}, (legacy_client_id(trained),))
    monkeypatch.undo()
    assert desk.push(trained).already_present


def test_a_model_that_was_removed_from_the_room_is_said_so(
    desk: Desk, product: Product, trained: Path
) -> None:
    pushed = desk.push(trained)
    room = RoomStorage(desk.room, product.objects(ROOMS), ROOMS)
    room.change(Removed(model_id=pushed.model_id), "ada", datetime.now(UTC))
    with pytest.raises(ModelRemoved, match="restore it"):
        desk.push(trained)
