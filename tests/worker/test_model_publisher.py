"""Models on their way to the room: what is sent is what was described, and a lost reply is not a failure."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.events.jobs import DatasetRef, Job, JobRequest
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import from_text
from sleap_rtc.storage.errors import FileChanged, NotFound
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import MultipartUpload, S3Transfers
from sleap_rtc.worker.errors import TrainingFailed
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.s3_models import S3Models
from sleap_rtc.worker.trained_model import TrainedModel

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

NOW = datetime(2026, 11, 23, tzinfo=UTC)
JOB = Job(
    job_id="01J00000000000000000000000",
    room_id="room",
    request=JobRequest(),
    dataset=DatasetRef(path="s3://uploads/x", size_bytes=1, checksum="crc64nvme:AAAAAAAAAAA="),
    created_by="ada",
    created_at=NOW,
    traceparent="00-1-1-01",
)


@pytest.fixture
def objects(s3: S3Client, bucket: str) -> S3ObjectStore:
    return S3ObjectStore(s3, bucket)


@pytest.fixture
def publisher(s3: S3Client, bucket: str, objects: S3ObjectStore) -> ModelPublisher:
    return ModelPublisher(S3Models(objects, S3Transfers(s3, bucket)))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "best.ckpt").write_bytes(b"weights")
    (tmp_path / "last.ckpt").write_bytes(b"for resuming only")
    (tmp_path / "metrics.json").write_text('{"final_loss": 0.1}')
    (tmp_path / "notes in a browser.html").write_text("<html>")
    return tmp_path


def described(publisher: ModelPublisher, run: Path) -> ModelRecord:
    return publisher.describe(TrainedModel(run, JOB, "reference trainer", "centroid", "gpu-1", NOW))


def test_what_was_published_is_handed_on_and_what_was_not_is_not(
    s3: S3Client, bucket: str, objects: S3ObjectStore, run: Path
) -> None:
    handed_on: list[tuple[Path, ModelRecord]] = []
    store = S3Models(objects, S3Transfers(s3, bucket))
    publisher = ModelPublisher(store, lambda *published: handed_on.append(published))
    record = described(publisher, run)
    publisher.send(run, record, lambda _: None)
    assert handed_on == [(run, record)]
    (run / "best.ckpt").write_bytes(b"changed")
    with pytest.raises(FileChanged):
        publisher.send(run, record, lambda _: None)
    assert len(handed_on) == 1


def test_a_model_is_its_files_and_its_id_is_that_of_their_content(
    publisher: ModelPublisher, run: Path
) -> None:
    record = described(publisher, run)
    assert [file.name for file in record.files] == ["best.ckpt", "metrics.json"]
    assert (record.model_id, record.metrics) == (model_id_of(record.files), {"final_loss": 0.1})


def test_a_run_without_a_checkpoint_is_no_model(publisher: ModelPublisher, run: Path) -> None:
    (run / "best.ckpt").unlink()
    (run / "last.ckpt").unlink()
    with pytest.raises(TrainingFailed, match="no checkpoint"):
        described(publisher, run)


def test_the_record_is_written_after_every_file(
    publisher: ModelPublisher, objects: S3ObjectStore, run: Path
) -> None:
    record = described(publisher, run)
    folder = keys.ModelFolder("room", "centroid", record.model_id)
    seen: list[bool] = []

    def look(_: ModelFile) -> None:
        seen.append(folder.record in [info.key for info in objects.list("room/")])

    publisher.send(run, record, look)
    assert seen == [False, False]
    assert ModelRecord.model_validate_json(objects.get(folder.record).body) == record
    assert objects.get(folder.file("best.ckpt")).body == b"weights"


def test_a_file_that_changed_since_it_was_described_is_not_published(
    publisher: ModelPublisher, objects: S3ObjectStore, run: Path
) -> None:
    record = described(publisher, run)
    (run / "best.ckpt").write_bytes(b"WEIGHTS")
    with pytest.raises(FileChanged):
        publisher.send(run, record, lambda _: None)
    assert not [info.key for info in objects.list("room/") if info.key.endswith("model.json")]


def lost_reply(s3: S3Client, bucket: str, key: str, size_bytes: int) -> OwnSession:
    """A session whose upload the store has completed and forgotten."""
    gone = MultipartUpload(uuid.uuid4().hex, whole_checksum=False)
    return OwnSession(S3ObjectStore(s3, bucket), S3Transfers(s3, bucket), key, gone, size_bytes)


def test_a_completion_whose_reply_was_lost_is_recognised(
    publisher: ModelPublisher, s3: S3Client, bucket: str, run: Path
) -> None:
    record = described(publisher, run)
    publisher.send(run, record, lambda _: None)
    key = keys.ModelFolder("room", "centroid", record.model_id).file("best.ckpt")
    crc = record.files[0].checksum
    lost_reply(s3, bucket, key, 7).complete([], from_text(crc))
    with pytest.raises(NotFound):
        lost_reply(s3, bucket, key, 7).complete([], 1)
    with pytest.raises(NotFound):
        lost_reply(s3, bucket, key, 8).complete([], from_text(crc))
