"""A worker gets the same dataset, and the same refusals, with a role of its own and through the service."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.client.uploader import S3Uploader
from sleap_rtc.events.api import SubmitJob
from sleap_rtc.events.jobs import DatasetRef, JobRequest
from sleap_rtc.settings import Settings
from sleap_rtc.storage.errors import IntegrityError, ObjectChanged, Refused, Unreachable
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.worker.downloader import S3Downloader
from sleap_rtc.worker.room_connection import dataset_source

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.storage.download_engine import RemoteObject
    from sleap_rtc.worker.dataset_source import DatasetSource

MIB = 1024 * 1024
MICE = b"mice" * 5 * MIB + b"!"
UPLOADS = "sleap-rtc-uploads"


@dataclass(frozen=True)
class Sent:
    """A dataset in a room, and ways to tamper with it."""

    product: Product
    dataset: DatasetRef

    @property
    def key(self) -> str:
        return self.dataset.path.removeprefix(f"s3://{UPLOADS}/")

    def replace(self, body: bytes) -> None:
        self.product.objects(UPLOADS).put(self.key, body, Overwrite())

    def remove(self) -> None:
        s3_client("us-east-1", self.product.stack.s3_url).delete_object(Bucket=UPLOADS, Key=self.key)


@pytest.fixture
def sent(product: Product, tmp_path: Path) -> Sent:
    path = tmp_path / "mice.zip"
    path.write_bytes(MICE)
    token = product.stack.client_environment["SLEAP_RTC_TOKEN"]
    service = ServiceClient(product.stack.service_url, token)
    room = service.create_room("A lab").room_id
    uploaded = S3Uploader(service, 8 * MIB, threads=2).upload(path, room)
    job = service.submit_job(room, SubmitJob(upload_id=uploaded.upload_id, job=JobRequest()))
    return Sent(product, job.dataset)


def settings_of(product: Product, **changed: object) -> Settings:
    stack = product.stack
    here = {
        "backend_api_url": stack.service_url,
        "token": stack.client_environment["SLEAP_RTC_TOKEN"],
        "s3_endpoint_url": stack.s3_url,
    }
    return Settings.model_validate({**here, **changed})


@pytest.fixture(params=["env", None], ids=["own credentials", "the service"])
def source(request: pytest.FixtureRequest, product: Product) -> DatasetSource:
    return dataset_source(settings_of(product), request.param)


def test_a_dataset_is_downloaded_and_verified(sent: Sent, source: DatasetSource, tmp_path: Path) -> None:
    S3Downloader(source).download(sent.dataset, tmp_path / "here" / "mice.zip")
    assert (tmp_path / "here" / "mice.zip").read_bytes() == MICE


def test_a_dataset_that_was_replaced_is_refused(sent: Sent, source: DatasetSource) -> None:
    sent.replace(b"rats" * 5 * MIB + b"!")
    with pytest.raises(ObjectChanged, match="was replaced in the store after its upload"):
        source.find(sent.dataset)


def test_a_dataset_that_is_gone_is_refused(sent: Sent, source: DatasetSource) -> None:
    sent.remove()
    with pytest.raises(ObjectChanged, match="nothing instead of ETag"):
        source.find(sent.dataset)


def test_a_job_that_expects_another_object_is_refused(sent: Sent, source: DatasetSource) -> None:
    with pytest.raises(ObjectChanged, match='instead of ETag "another"'):
        source.find(sent.dataset.model_copy(update={"etag": '"another"'}))


def test_a_dataset_replaced_while_it_is_downloaded_is_refused(
    sent: Sent, source: DatasetSource, tmp_path: Path
) -> None:
    found = source.find(sent.dataset)
    sent.replace(MICE[:-1] + b"?")
    with pytest.raises((ObjectChanged, IntegrityError)):
        S3Downloader(Found(found)).download(sent.dataset, tmp_path / "here" / "mice.zip")
    assert list((tmp_path / "here").iterdir()) == []


class Found:
    """A source that has found its dataset already."""

    def __init__(self, found: RemoteObject) -> None:
        self._found = found

    def find(self, dataset: DatasetRef) -> RemoteObject:
        return self._found


def test_every_url_after_the_first_is_a_fresh_one_for_the_same_bytes(
    sent: Sent, source: DatasetSource
) -> None:
    found = source.find(sent.dataset)
    assert {found.signed_url().partition("?")[0] for _ in range(3)} == {
        f"{sent.product.stack.s3_url}/{UPLOADS}/{sent.key}"
    }


@pytest.mark.parametrize("path", ["s3://elsewhere/data", "/etc/passwd", f"s3://{UPLOADS}/manifest.json"])
def test_what_is_no_dataset_is_refused(sent: Sent, source: DatasetSource, path: str) -> None:
    with pytest.raises(Refused):
        source.find(sent.dataset.model_copy(update={"path": path}))


@pytest.mark.parametrize("who", ["a stranger", ""])
def test_the_service_signs_for_members_of_the_room_alone(sent: Sent, who: str) -> None:
    token = sent.product.stack.issuer.token(who) if who else ""
    source = dataset_source(settings_of(sent.product, token=token), None)
    with pytest.raises(Refused):
        source.find(sent.dataset)


def test_a_service_that_does_not_answer_is_named(sent: Sent) -> None:
    source = dataset_source(settings_of(sent.product, backend_api_url="http://127.0.0.1:9"), None)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9: connection refused"):
        source.find(sent.dataset)


def test_a_worker_without_credentials_never_loads_boto3(sent: Sent, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from sleap_rtc.events.jobs import DatasetRef\n"
        "from sleap_rtc.settings import load_settings\n"
        "from sleap_rtc.worker.credentials import credentials_method\n"
        "from sleap_rtc.worker.downloader import S3Downloader\n"
        "from sleap_rtc.worker.room_connection import dataset_source\n"
        "source = dataset_source(load_settings(), credentials_method())\n"
        "dataset = DatasetRef.model_validate_json(sys.argv[1])\n"
        "S3Downloader(source).download(dataset, Path(sys.argv[2]))\n"
        "print(sorted({'boto3', 'aiobotocore', 's3transfer'} & set(sys.modules)))"
    )
    target = tmp_path / "downloaded.zip"
    told = subprocess.run(
        [sys.executable, "-c", script, sent.dataset.model_dump_json(), str(target)],
        env={**sent.product.client_environment, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (told.stdout.strip(), target.read_bytes() == MICE) == ("[]", True), told.stderr
