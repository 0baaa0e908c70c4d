"""The way of a dataset: client, presigned parts, store, ranges, worker; whole, cut, altered, gone on with.

A real service signs; a proxy before a real store has the faults. Run alone, with its coverage:
`make test-transport`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import (
    Corrupt,
    FaultProxy,
    First,
    LoseReply,
    Reply,
    Reset,
    Truncate,
    s3_error,
)
from support.product import Product
from support.transfer_bench import noise

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.client.uploader import S3Uploader, Uploaded
from sleap_rtc.events.api import SubmitJob
from sleap_rtc.events.jobs import DatasetRef, JobRequest
from sleap_rtc.local.stack import External
from sleap_rtc.settings import Settings
from sleap_rtc.storage.blob_cache import BlobCache
from sleap_rtc.storage.errors import (
    FileChanged,
    FileInUse,
    FileMissing,
    InputError,
    IntegrityError,
    NotFound,
    ObjectChanged,
    TransferFailed,
)
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.part_plan import MIB
from sleap_rtc.storage.upload_state import SUFFIX, UploadState
from sleap_rtc.worker.downloader import S3Downloader
from sleap_rtc.worker.room_connection import dataset_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_proxy import Fault

    from sleap_rtc.storage.progress import TransferProgress

UPLOADS = "sleap-rtc-uploads"
PART = 5 * MIB
SIZE = 2 * PART + 1000
DENIED = s3_error(403, "AccessDenied", "Access Denied")
EXPIRED = s3_error(403, "AccessDenied", "Request has expired")


@pytest.fixture(scope="module")
def between(engine_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(engine_url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def product(
    engine_url: str, between: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("product"), External(engine_url, between.url))
    with product.stack:
        yield product


@dataclass
class Route:
    """A room, a file to bring there, and everything that was told on the way."""

    product: Product
    proxy: FaultProxy
    path: Path
    room: str = ""
    told: list[str] = field(default_factory=list)
    progress: list[TransferProgress] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = self.product.stack.client_environment["SLEAP_RTC_TOKEN"]
        self.service = ServiceClient(self.product.stack.service_url, token)
        self.room = self.service.create_room("A lab").room_id
        self.path.write_bytes(noise(SIZE, seed=hash(self.room)))
        self.proxy.forget()

    def send(self, part_bytes: int = PART, threads: int = 1, room: str = "") -> Uploaded:
        uploader = S3Uploader(self.service, part_bytes, threads, self.told.append)
        return uploader.upload(self.path, room or self.room, on_progress=self.progress.append)

    def cut_at(self, number: int) -> None:
        """Have an upload end at a part; what came before it is acknowledged."""
        self.proxy.script(rf"PUT .*partNumber={number}\b", DENIED, times=2)
        with pytest.raises(TransferFailed):
            self.send()
        self.proxy.forget()

    def puts(self) -> int:
        return self.proxy.count("PUT .*partNumber")

    def stored(self, sent: Uploaded) -> bytes:
        key = sent.path.removeprefix(f"s3://{UPLOADS}/")
        return self.product.objects(UPLOADS).get(key).body

    def assert_stored(self, sent: Uploaded) -> None:
        assert self.stored(sent) == self.path.read_bytes()
        assert list(self.path.parent.iterdir()) == [self.path]

    def dataset(self) -> DatasetRef:
        """Send the file and return what a job says of it."""
        sent = self.send()
        return self.service.submit_job(
            self.room, SubmitJob(upload_id=sent.upload_id, job=JobRequest())
        ).dataset

    def downloader(self, credentials: str | None = "env") -> S3Downloader:
        stack = self.product.stack
        here = Settings(
            backend_api_url=stack.service_url,
            token=stack.client_environment["SLEAP_RTC_TOKEN"],
            s3_endpoint_url=stack.s3_url,
        )
        return S3Downloader(dataset_source(here, credentials))


@pytest.fixture
def route(product: Product, between: FaultProxy, tmp_path: Path) -> Route:
    folder = tmp_path / "Messung 1"
    folder.mkdir()
    return Route(product, between, folder / "Meine Mäuse [1].zip")


@pytest.mark.parametrize("threads", [1, 10])
def test_a_file_arrives_in_parts(route: Route, threads: int) -> None:
    sent = route.send(threads=threads)
    route.assert_stored(sent)
    assert (sent.parts, sent.resumed_bytes, route.puts()) == (3, 0, 3)
    assert [p.done_bytes for p in route.progress] == sorted({0, *(p.done_bytes for p in route.progress)})
    assert route.progress[-1].done_bytes == SIZE


@pytest.mark.parametrize(
    "fault",
    [s3_error(503, "SlowDown"), Reset(PART // 2), LoseReply(), Corrupt(), EXPIRED, DENIED],
    ids=["slow down", "reset", "lost reply", "altered", "expired", "denied once"],
)
def test_a_part_survives_a_fault(route: Route, fault: Fault) -> None:
    route.proxy.script(r"PUT .*partNumber=2\b", fault)
    route.assert_stored(route.send())
    assert route.puts() >= 4


def test_what_the_transfer_waits_for_is_told(route: Route) -> None:
    route.proxy.script("PUT .*partNumber", s3_error(503, "SlowDown", "Please reduce your request rate."))
    route.send()
    assert "SlowDown" in "".join(progress.trouble for progress in route.progress)
    assert route.progress[-1].trouble == ""


@pytest.mark.parametrize(
    "fault",
    [s3_error(200, "InternalError", "We encountered an internal error."), LoseReply()],
    ids=["error in a 200", "lost reply"],
)
def test_a_completion_survives_a_fault(route: Route, fault: Fault) -> None:
    route.proxy.script("POST .*uploadId=", fault)
    route.assert_stored(route.send())


def test_the_same_command_goes_on_after_a_cut(route: Route) -> None:
    route.cut_at(3)
    sent = route.send()
    route.assert_stored(sent)
    assert (sent.resumed_bytes, route.puts()) == (2 * PART, 1)


def test_another_part_size_in_the_settings_does_not_touch_an_upload_that_was_begun(route: Route) -> None:
    route.cut_at(3)
    sent = route.send(part_bytes=8 * MIB)
    route.assert_stored(sent)
    assert (sent.parts, sent.resumed_bytes) == (3, 2 * PART)


def test_a_file_that_changed_between_two_runs_is_sent_anew(route: Route) -> None:
    route.cut_at(3)
    before = route.path.stat()
    content = bytearray(route.path.read_bytes())
    content[PART + 7] ^= 1
    route.path.write_bytes(content)
    os.utime(route.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    sent = route.send()
    route.assert_stored(sent)
    assert sent.resumed_bytes == 0
    assert route.told[-1] == f"{route.path.name} changed since the last run; starting again."


def test_an_upload_that_was_aborted_meanwhile_is_begun_again(route: Route) -> None:
    route.cut_at(2)
    (upload,) = route.service.uploads(route.room)
    route.service.abort_upload(upload.upload_id)
    route.assert_stored(route.send())
    assert route.told == ["The earlier upload was aborted; starting again."]


def test_a_file_for_another_room_is_sent_anew(route: Route) -> None:
    route.cut_at(2)
    sent = route.send(room=route.service.create_room("Another lab").room_id)
    assert sent.resumed_bytes == 0
    assert "is another one than last time" in route.told[0]


def test_a_completed_upload_whose_end_nobody_saw_is_not_sent_again(route: Route) -> None:
    route.proxy.script("POST .*uploadId=", DENIED)
    with pytest.raises(Exception, match="AccessDenied"):
        route.send()
    sent = route.send()
    route.assert_stored(sent)
    assert (sent.resumed_bytes, route.puts()) == (SIZE, 3)


def test_a_completed_upload_whose_state_was_left_is_recognised(route: Route) -> None:
    route.cut_at(3)
    state = route.path.with_name(route.path.name + SUFFIX)
    left = state.read_bytes()
    first = route.send()
    state.write_bytes(left)
    again = route.send()
    assert (again.upload_id, again.resumed_bytes, route.puts()) == (first.upload_id, SIZE, 1)
    assert not state.exists()


def test_an_upload_that_the_service_does_not_know_is_begun_again(route: Route) -> None:
    route.cut_at(2)
    state = route.path.with_name(route.path.name + SUFFIX)
    (upload,) = route.service.uploads(route.room)
    unknown = upload.upload_id[:-4] + "0000"
    state.write_text(state.read_text().replace(upload.upload_id, unknown))
    route.assert_stored(route.send())
    assert route.told == ["The earlier upload is gone; starting again."]


def test_two_processes_do_not_send_one_file(route: Route) -> None:
    with UploadState(route.path), pytest.raises(FileInUse):
        route.send()


def test_a_state_file_that_cannot_be_written_costs_no_upload(route: Route) -> None:
    state = route.path.with_name(route.path.name + SUFFIX)
    state.mkdir()
    with pytest.raises(IsADirectoryError):
        route.send()
    state.rmdir()
    route.assert_stored(route.send())


def test_what_the_room_has_is_not_sent_again(route: Route) -> None:
    first, again = route.send(), route.send()
    assert (again.already_present, again.path, route.puts()) == (True, first.path, 3)
    assert route.told == [f"{route.path.name} is already in the room, so nothing was sent."]


def test_an_upload_below_a_rate_is_as_whole(route: Route) -> None:
    uploader = S3Uploader(route.service, PART, 2, bandwidth_limit=100 * MIB)
    route.assert_stored(uploader.upload(route.path, route.room))


def test_a_watcher_that_fails_harms_no_transfer(route: Route) -> None:
    def broken(_: TransferProgress) -> None:
        raise OSError("the pipe is closed")

    uploader = S3Uploader(route.service, PART, 2)
    route.assert_stored(uploader.upload(route.path, route.room, on_progress=broken))


def test_a_file_that_changes_while_it_is_sent_is_not_completed(route: Route) -> None:
    def change() -> None:
        with route.path.open("ab") as file:
            file.write(b"more")

    route.proxy.script(r"PUT .*partNumber=2\b", First(change))
    with pytest.raises(FileChanged):
        route.send()


def test_what_is_no_file_to_send_is_told_before_anything_is_opened(route: Route) -> None:
    route.path.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        route.send()
    route.path.unlink()
    with pytest.raises(FileMissing):
        route.send()
    assert route.service.uploads(route.room) == []


def test_a_room_that_is_not_there_is_told(route: Route) -> None:
    with pytest.raises(NotFound):
        route.send(room="nowhere")


CREDENTIALS = pytest.mark.parametrize("credentials", ["env", None], ids=["own credentials", "the service"])


@CREDENTIALS
@pytest.mark.parametrize(
    "fault",
    [s3_error(503, "SlowDown"), Truncate(MIB), LoseReply(), Reset(), EXPIRED],
    ids=["slow down", "truncated", "lost reply", "reset", "expired"],
)
def test_a_dataset_survives_a_fault_on_its_way_to_the_worker(
    route: Route, tmp_path: Path, credentials: str | None, fault: Fault
) -> None:
    dataset = route.dataset()
    route.proxy.script("GET .*bytes=0-", fault)
    route.downloader(credentials).download(dataset, tmp_path / "here" / "data.zip", route.progress.append)
    assert (tmp_path / "here" / "data.zip").read_bytes() == route.path.read_bytes()
    assert list((tmp_path / "here").iterdir()) == [tmp_path / "here" / "data.zip"]
    assert route.progress[-1].done_bytes == SIZE


def test_a_download_goes_on_from_what_was_verified(route: Route, tmp_path: Path) -> None:
    dataset, target = route.dataset(), tmp_path / "here" / "data.zip"
    route.proxy.script("GET .*bytes=8388608-", DENIED, times=2)
    with pytest.raises(TransferFailed):
        route.downloader().download(dataset, target)
    route.downloader().download(dataset, target, route.progress.append)
    assert target.read_bytes() == route.path.read_bytes()
    assert route.progress[-1].resumed_bytes == 8 * MIB


def test_bytes_that_were_altered_are_not_kept(route: Route, tmp_path: Path) -> None:
    dataset = route.dataset()
    route.proxy.script("GET .*bytes=", Corrupt())
    with pytest.raises(IntegrityError):
        route.downloader().download(dataset, tmp_path / "here" / "data.zip")
    assert list((tmp_path / "here").iterdir()) == []


@CREDENTIALS
def test_a_dataset_that_was_replaced_is_refused(
    route: Route, tmp_path: Path, credentials: str | None
) -> None:
    dataset = route.dataset()
    key = dataset.path.removeprefix(f"s3://{UPLOADS}/")
    route.product.objects(UPLOADS).put(key, noise(SIZE, seed=1), Overwrite())
    with pytest.raises(ObjectChanged):
        route.downloader(credentials).download(dataset, tmp_path / "data.zip")


def test_what_is_not_from_a_store_is_not_taken_for_the_dataset(route: Route, tmp_path: Path) -> None:
    dataset = route.dataset()
    route.proxy.script("GET .*bytes=0-", Reply(200, b"<html>Please log in to this network</html>"))
    with pytest.raises(TransferFailed, match="HTTP 200"):
        route.downloader().download(dataset, tmp_path / "data.zip")


def test_a_dataset_is_downloaded_once_for_two_jobs(route: Route, tmp_path: Path) -> None:
    dataset, cache = route.dataset(), BlobCache(tmp_path / "cache", 10**9, 0)
    for _ in range(2):
        with route.downloader().cached(dataset, cache, route.told.append) as path:
            assert path.read_bytes() == route.path.read_bytes()
    assert [line.split()[0] for line in route.told] == ["downloading", "verified", "cache"]
    assert route.proxy.count("GET .*bytes=0-") == 1
