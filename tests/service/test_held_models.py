"""Models on their way through the service: what the holder of a job may do, and what nobody else may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.desktop import COLLEAGUE, OWNER, ServiceLab, hold_of
from support.jobs import accept

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_reports import Advanced, Hold
from sleap_rtc.events.jobs import JobCancelled, JobState, LeaseLost
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc64nvme, to_header
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound
from sleap_rtc.storage.manifest import ModelRecord
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.upload_session import PartToSign, SentPart
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.service_models import ServiceModels
from sleap_rtc.worker.trained_model import TrainedModel

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.storage.file_upload import FileUpload
    from sleap_rtc.storage.object_store import ObjectStore

MIB = 1024 * 1024
WEIGHTS = b"w" * 9 * MIB
CHECKPOINT = "best.ckpt"


@dataclass(frozen=True)
class Trained:
    """A model that its worker has trained and said to be uploading."""

    lab: ServiceLab
    run: Path
    hold: Hold
    record: ModelRecord

    def models(self, subject: str = OWNER) -> ServiceModels:
        return ServiceModels(self.lab.http(subject))

    def send(self) -> None:
        ModelPublisher(self.models()).send(self.run, self.record, lambda _: None)

    def open(self) -> FileUpload:
        return self.models().open(self.record, self.record.files[0])

    @property
    def folder(self) -> keys.ModelFolder:
        return keys.ModelFolder(self.lab.room_id, self.record.model_type, self.record.model_id)

    @property
    def objects(self) -> ObjectStore:
        return self.lab.rooms

    def published(self) -> bool:
        return self.folder.record in [info.key for info in self.objects.list(str(self.folder))]

    def ask(self, what: str, **body: Any) -> tuple[int, Any]:
        """Ask by hand, with the right fencing number unless the body has another."""
        whole = {"fencing": self.hold.fencing, **body}
        return self.lab.answer("POST", f"/jobs/{self.hold.job_id}/{what}", whole)


@pytest.fixture
def trained(product: Product, tmp_path: Path) -> Trained:
    lab = ServiceLab(product)
    (tmp_path / CHECKPOINT).write_bytes(WEIGHTS)
    (tmp_path / "empty.csv").write_bytes(b"")
    job = lab.desk().claim(lab.room_id, lab.queued().job_id, "gpu-1", "m1")
    record = ModelPublisher(ServiceModels(lab.http())).describe(
        TrainedModel(tmp_path, job, "reference trainer", "centroid", "gpu-1", datetime.now(UTC))
    )
    lab.desk().report(
        hold_of(job),
        Advanced(state=JobState.UPLOADING, model_id=record.model_id, model_type=record.model_type),
    )
    return Trained(lab, tmp_path, hold_of(job), record)


def cancel(trained: Trained) -> None:
    def to_cancelled(job: Any) -> Any:
        earlier = job.model_copy(update={"state": JobState.TRAINING})
        return job_steps.cancelled(earlier, datetime.now(UTC), "Ada")

    trained.lab.jobs.change(trained.lab.room_id, trained.hold.job_id, to_cancelled)


def lose(trained: Trained) -> None:
    """Give the job to another worker."""
    later = datetime.now(UTC) + timedelta(hours=1)
    trained.lab.jobs.change(
        trained.lab.room_id,
        trained.hold.job_id,
        lambda job: job_steps.claimed(
            job_steps.lost(job, later, "the lease ran out", 3), "gpu-2", later, 60, "m2", 3, COLLEAGUE
        ),
    )


def test_a_model_of_several_parts_arrives_whole_and_its_record_last(trained: Trained) -> None:
    trained.send()
    assert trained.objects.get(trained.folder.file(CHECKPOINT)).body == WEIGHTS
    assert trained.objects.get(trained.folder.file("empty.csv")).body == b""
    record = ModelRecord.model_validate_json(trained.objects.get(trained.folder.record).body)
    assert record == trained.record


def test_a_record_whose_reply_was_lost_is_sent_again_even_after_the_model_was_accepted(
    trained: Trained,
) -> None:
    trained.send()
    trained.lab.jobs.change(trained.lab.room_id, trained.hold.job_id, accept)
    trained.models().publish(trained.record)
    with pytest.raises(LeaseLost):
        trained.models().publish(trained.record.model_copy(update={"trained_by": "mallory"}))


def send_in_one_part(upload: FileUpload, body: bytes = WEIGHTS) -> tuple[list[SentPart], int]:
    crc = crc64nvme(body)
    url = upload.sign([PartToSign(1, len(body), crc)])[1]
    headers = {"x-amz-checksum-crc64nvme": to_header(crc)}
    etag = urllib3.request("PUT", url, body=body, headers=headers).headers["ETag"]
    return [SentPart(1, len(body), crc, etag)], crc


def test_a_completion_whose_reply_was_lost_is_asked_for_again(trained: Trained) -> None:
    upload = trained.open()
    parts, crc = send_in_one_part(upload)
    upload.complete(parts, crc)
    upload.complete(parts, crc)
    assert trained.objects.get(trained.folder.file(CHECKPOINT)).body == WEIGHTS


def test_a_completion_with_another_checksum_is_refused(trained: Trained) -> None:
    upload = trained.open()
    parts, _ = send_in_one_part(upload)
    with pytest.raises(IntegrityError):
        upload.complete(parts, 1)


def test_an_upload_that_was_given_up_is_gone(trained: Trained) -> None:
    upload = trained.open()
    parts, crc = send_in_one_part(upload)
    upload.abort()
    with pytest.raises(NotFound):
        upload.complete(parts, crc)


def test_a_url_takes_exactly_the_bytes_it_was_signed_for(trained: Trained) -> None:
    url = trained.open().sign([PartToSign(1, 7, crc64nvme(b"weights"))])[1]

    def put(body: bytes, crc: int, to: str = url) -> int:
        headers = {"x-amz-checksum-crc64nvme": to_header(crc)}
        return urllib3.request("PUT", to, body=body, headers=headers).status

    assert put(b"WEIGHTS", crc64nvme(b"WEIGHTS")) == 403
    assert put(b"weights!", crc64nvme(b"weights")) == 403
    assert put(b"weights", crc64nvme(b"weights"), url.replace(CHECKPOINT, "model.json")) == 403
    assert put(b"weights", crc64nvme(b"weights")) == 200


@pytest.mark.parametrize(
    ("spoil", "why"), [(lose, LeaseLost), (cancel, JobCancelled)], ids=["lost", "cancelled"]
)
def test_every_step_looks_at_the_hold(trained: Trained, spoil: Any, why: type[Exception]) -> None:
    upload = trained.open()
    parts, crc = send_in_one_part(upload)
    spoil(trained)
    for step in (
        trained.open,
        lambda: upload.sign([PartToSign(1, 7, 7)]),
        lambda: upload.complete(parts, crc),
        upload.abort,
        lambda: trained.models().publish(trained.record),
    ):
        with pytest.raises(why):
            step()
    assert not trained.published()


def test_another_members_hold_is_of_no_use(trained: Trained) -> None:
    with pytest.raises(LeaseLost):
        trained.models(COLLEAGUE).open(trained.record, trained.record.files[0])
    with pytest.raises(LeaseLost):
        trained.models(COLLEAGUE).publish(trained.record)


def test_a_stranger_finds_no_room(trained: Trained) -> None:
    with pytest.raises(NotFound, match=f"room {trained.lab.room_id}"):
        trained.models("a stranger").open(trained.record, trained.record.files[0])


@pytest.mark.parametrize("fencing", [0, -1, 2, "1x"])
def test_a_number_that_is_not_held_opens_nothing(trained: Trained, fencing: Any) -> None:
    checksum = trained.record.files[0].checksum
    status, problem = trained.ask(
        "model-files/open", fencing=fencing, name="a.ckpt", size_bytes=1, checksum=checksum
    )
    assert (status, problem["code"]) in {(409, "lease_lost"), (422, "invalid_request")}


@pytest.mark.parametrize(
    "name",
    ["../../other/models/x", "a/b.ckpt", "", ".hidden", "a\\b", "a\nb", "model.json", "x" * 129, "ü.ckpt"],
)
def test_no_name_becomes_another_key(trained: Trained, name: str) -> None:
    checksum = trained.record.files[0].checksum
    for size_bytes in (0, 7):
        status, _ = trained.ask("model-files/open", name=name, size_bytes=size_bytes, checksum=checksum)
        assert status in {400, 422}
    status, _ = trained.ask("model-files/abort", name=name, s3_upload_id="x")
    assert status in {400, 422}
    assert list(trained.objects.list(str(trained.folder))) == []


def test_a_job_that_trains_has_no_model_to_send(product: Product) -> None:
    lab = ServiceLab(product)
    hold = lab.claimed()
    body = {"fencing": 1, "name": "a.ckpt", "size_bytes": 1, "checksum": "crc64nvme:AAAAAAAAAAA="}
    status, problem = lab.answer("POST", f"/jobs/{hold.job_id}/model-files/open", body)
    assert (status, "is not uploading a model" in problem["detail"]) == (400, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"room_id": "00000000"},
        {"job_id": "01J00000000000000000000000"},
        {"fencing": 9},
        {"attempt": 9},
        {"model_id": "0badcafe"},
        {"model_type": "../../x"},
        {"dataset_checksum": "crc64nvme:BBBBBBBBBBB="},
        {"trained_by": "mallory"},
        {"trained_on_worker": "gpu-9"},
        {"files": ()},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_record_that_is_not_that_of_the_held_job_is_not_written(
    trained: Trained, changed: dict[str, Any]
) -> None:
    forged = trained.record.model_copy(update=changed)
    status, problem = trained.ask("model", record=forged.model_dump(mode="json"))
    assert (status, "cannot be published" in problem["detail"]) == (400, True)


def test_a_record_is_not_written_before_its_files(trained: Trained) -> None:
    with pytest.raises(InputError, match=r"best\.ckpt is not there"):
        trained.models().publish(trained.record)
    assert not trained.published()


def published_by_another_job(trained: Trained) -> None:
    """Let another job have made and published the very same model."""
    record = trained.record.model_copy(update={"job_id": "01J00000000000000000000000"})
    trained.objects.put(trained.folder.record, record.model_dump_json().encode(), Overwrite())


def test_a_published_model_is_not_overwritten_under_its_id(trained: Trained) -> None:
    published_by_another_job(trained)
    other = trained.record.files[0].model_copy(update={"checksum": "crc64nvme:BBBBBBBBBBB="})
    with pytest.raises(InputError, match="published already"):
        trained.models().open(trained.record, other)
    upload = trained.open()
    with pytest.raises(InputError, match="published already"):
        upload.complete(*send_in_one_part(upload, b"something else"))


def test_the_same_model_may_be_sent_again(trained: Trained) -> None:
    published_by_another_job(trained)
    upload = trained.open()
    upload.complete(*send_in_one_part(upload))
    assert trained.objects.get(trained.folder.file(CHECKPOINT)).body == WEIGHTS
