"""Create a room, publish a model, find it from elsewhere, download it: on stores that sign URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from storage.rooms import NOON

from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import IntegrityError, NotFound
from sleap_rtc.storage.keys import ModelFolder
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.manifest_changes import ModelRemoved
from sleap_rtc.storage.model_download import ModelFileGone
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.registry_changes import AliasSet, Removed
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

FILES = {"best.ckpt": bytes(range(256)) * 40, "training_config.yaml": b"epochs: 3\n", "empty.csv": b""}


class Bucket:
    """A bucket with one model of a room in it."""

    def __init__(self, client: S3Client, name: str) -> None:
        self.store = S3ObjectStore(client, name)
        self.sign_get = S3Transfers(client, name).sign_get
        files = tuple(
            ModelFile(name=name, size_bytes=len(body), checksum=to_text(crc64nvme(body)))
            for name, body in FILES.items()
        )
        self.model_id = model_id_of(files)
        self.folder = ModelFolder("lab", "centroid", self.model_id)
        for file_name, body in FILES.items():
            self.store.put(self.folder.file(file_name), body, Overwrite())
        self.elsewhere().publish_model(_record(self.folder, files), NOON)

    def elsewhere(self) -> RoomStorage:
        """Return the room as somebody sees it who has seen nothing of it yet."""
        return RoomStorage("lab", self.store, self.store.bucket)


def _record(folder: ModelFolder, files: tuple[ModelFile, ...]) -> ModelRecord:
    return ModelRecord(
        model_id=folder.model_id,
        model_type=folder.model_type,
        room_id=folder.room_id,
        files=files,
        trainer="reference",
        trained_by="ada",
        trained_on_worker="gpu-1",
        trained_at=NOON,
    )


@pytest.fixture(params=["ministack", pytest.param("seaweedfs", marks=pytest.mark.seaweedfs)])
def lab(request: pytest.FixtureRequest) -> Bucket:
    if request.param == "ministack":
        return Bucket(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
    weed: S3ObjectStore = request.getfixturevalue("weed")
    return Bucket(request.getfixturevalue("weed_s3"), weed.bucket)


def test_a_published_model_is_found_and_downloaded_from_elsewhere(lab: Bucket, tmp_path: Path) -> None:
    lab.elsewhere().change(AliasSet(alias="best", model_id=lab.model_id, expected=None), "ada", NOON)
    folder = lab.elsewhere().download_model("best", tmp_path, lab.sign_get)
    assert folder == tmp_path / f"centroid_{lab.model_id}"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


def test_only_what_is_missing_or_damaged_is_downloaded_again(lab: Bucket, tmp_path: Path) -> None:
    folder = lab.elsewhere().download_model(lab.model_id, tmp_path, lab.sign_get)
    (folder / "training_config.yaml").write_bytes(b"epochs: 4\n")
    signed: list[str] = []

    def sign_get(key: str) -> str:
        signed.append(key)
        return lab.sign_get(key)

    lab.elsewhere().download_model(lab.model_id, tmp_path, sign_get)
    assert signed == [lab.folder.file("training_config.yaml")]
    assert (folder / "training_config.yaml").read_bytes() == FILES["training_config.yaml"]


def test_a_file_with_another_checksum_is_not_kept(lab: Bucket, tmp_path: Path) -> None:
    lab.store.put(lab.folder.file("training_config.yaml"), b"epochs: 4\n", Overwrite())
    with pytest.raises(IntegrityError, match=r"training_config\.yaml does not match its checksum"):
        lab.elsewhere().download_model(lab.model_id, tmp_path, lab.sign_get)
    assert [path.name for path in (tmp_path / f"centroid_{lab.model_id}").iterdir()] == ["best.ckpt"]


def test_a_model_without_a_file_is_not_begun(lab: Bucket, tmp_path: Path) -> None:
    lab.store.delete(lab.folder.file("training_config.yaml"))
    with pytest.raises(
        ModelFileGone, match=r"lost training_config\.yaml .*`sleap-rtc models push FOLDER -r lab`"
    ):
        lab.elsewhere().download_model(lab.model_id, tmp_path, lab.sign_get)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_there_or_was_removed_is_told_as_such(lab: Bucket, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no model nobody in room lab"):
        lab.elsewhere().download_model("nobody", tmp_path, lab.sign_get)
    lab.elsewhere().change(Removed(model_id=lab.model_id), "ada", NOON)
    with pytest.raises(ModelRemoved):
        lab.elsewhere().download_model(lab.model_id, tmp_path, lab.sign_get)
