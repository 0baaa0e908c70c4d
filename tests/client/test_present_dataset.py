"""What a room has already is not sent again; what it has not is. A real service on a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.client.uploader import S3Uploader, Uploaded
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.storage.keys import UploadKey
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.events.api import UploadStatus

MIB = 1024 * 1024
MICE = b"mice" * 2 * MIB + b"!"


class Lab:
    """One room, its client, and what the client was told."""

    def __init__(self, product: Product) -> None:
        self.product = product
        token = product.stack.client_environment["SLEAP_RTC_TOKEN"]
        self.service = ServiceClient(product.stack.service_url, token)
        self.told: list[str] = []
        self.room = self.new_room()

    def new_room(self) -> str:
        return self.service.create_room("A lab").room_id

    def send(
        self,
        path: Path,
        job: JobRequest | None = None,
        room: str = "",
        on_progress: ProgressHook = no_progress,
    ) -> Uploaded:
        uploader = S3Uploader(self.service, 5 * MIB, threads=2, say=self.told.append)
        return uploader.upload(path, room or self.room, job, on_progress)

    def uploads(self) -> list[UploadStatus]:
        """Return every upload that was ever opened in the room."""
        return self.service.uploads(self.room)

    def lose(self, sent: Uploaded) -> None:
        store = s3_client("us-east-1", self.product.stack.s3_url)
        store.delete_object(Bucket="sleap-rtc-uploads", Key=str(UploadKey(self.room, sent.upload_id)))


@pytest.fixture
def lab(product: Product) -> Lab:
    return Lab(product)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "Meine Mäuse [1].zip"
    path.write_bytes(MICE)
    return path


def assert_sent(lab: Lab, again: Uploaded, first: Uploaded) -> None:
    assert (again.already_present, again.parts) == (False, 2)
    assert again.upload_id != first.upload_id
    assert lab.told == []


def assert_nothing_sent(lab: Lab, again: Uploaded, first: Uploaded) -> None:
    assert (again.already_present, again.parts, again.resumed_bytes) == (True, 0, 0)
    assert (again.upload_id, again.path, again.checksum) == (first.upload_id, first.path, first.checksum)
    assert [upload.upload_id for upload in lab.uploads()] == [first.upload_id]


def test_the_same_file_is_not_sent_again(lab: Lab, recording: Path) -> None:
    first = lab.send(recording)
    assert not first.already_present
    assert_nothing_sent(lab, lab.send(recording), first)
    assert lab.told == ["Meine Mäuse [1].zip is already in the room, so nothing was sent."]
    assert list(recording.parent.iterdir()) == [recording]


def test_a_copy_under_another_name_is_not_sent(lab: Lab, recording: Path, tmp_path: Path) -> None:
    first = lab.send(recording)
    copy = tmp_path / "copy.zip"
    copy.write_bytes(MICE)
    assert_nothing_sent(lab, lab.send(copy), first)
    assert lab.told == ["copy.zip is already in the room as Meine Mäuse [1].zip, so nothing was sent."]


def test_another_file_of_the_same_size_is_sent(lab: Lab, recording: Path) -> None:
    first = lab.send(recording)
    recording.write_bytes(MICE[:-1] + b"?")
    again = lab.send(recording)
    assert_sent(lab, again, first)
    assert again.checksum != first.checksum


def test_another_room_knows_nothing_of_it(lab: Lab, recording: Path) -> None:
    first = lab.send(recording)
    assert_sent(lab, lab.send(recording, room=lab.new_room()), first)


def test_a_dataset_that_was_deleted_from_the_store_is_sent_again_and_then_found(
    lab: Lab, recording: Path
) -> None:
    first = lab.send(recording)
    lab.lose(first)
    second = lab.send(recording)
    assert_sent(lab, second, first)
    assert lab.send(recording).upload_id == second.upload_id


def test_each_job_that_is_asked_for_is_made_for_the_dataset_that_is_there(lab: Lab, recording: Path) -> None:
    sent = [lab.send(recording, JobRequest(overrides={"epochs": str(n)})) for n in range(3)]
    assert [each.already_present for each in sent] == [False, True, True]
    jobs = [lab.service.job(lab.room, each.job_id or "") for each in sent[1:]]
    assert [job.overrides for job in jobs] == [{"epochs": "1"}, {"epochs": "2"}]
    assert {job.dataset.path for job in jobs} == {sent[0].path}
    assert {(job.dataset.checksum, job.dataset.size_bytes) for job in jobs} == {(sent[0].checksum, len(MICE))}


def test_an_upload_that_was_cut_goes_on_though_the_room_has_its_bytes_by_now(
    lab: Lab, recording: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.zip"
    copy.write_bytes(MICE)
    with pytest.raises(KeyboardInterrupt):
        lab.send(recording, on_progress=cut)
    (begun,) = lab.uploads()
    first, again = lab.send(copy), lab.send(recording)
    assert (again.already_present, again.upload_id) == (False, begun.upload_id)
    assert again.upload_id != first.upload_id


def cut(_: TransferProgress) -> None:
    raise KeyboardInterrupt
