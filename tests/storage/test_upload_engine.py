"""Uploads to a real S3 server: whole, cut off, gone on with, and under every fault that has a script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import Corrupt, FaultProxy, First, LoseReply, Reply, Reset, s3_error
from support.transfer_bench import KEY, CountingSession, UploadBench

from sleap_rtc.storage.errors import (
    FileChanged,
    FileMissing,
    FileUnreadable,
    TransferFailed,
    Unreachable,
)
from sleap_rtc.storage.part_plan import SMALLEST_PART_BYTES
from sleap_rtc.storage.upload_state import FileIdentity, UploadHeader, UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from types_boto3_s3 import S3Client

    from sleap_rtc.storage.progress import ProgressHook, TransferProgress
    from sleap_rtc.storage.upload_session import PartToSign, SentPart

# The engine that the tests run on takes parts of any size, which keeps most of them quick.
PART_BYTES = 100_000
THREE_PARTS = 2 * PART_BYTES + 1
EXPIRED = s3_error(403, "AccessDenied", "Request has expired")
DENIED = s3_error(403, "AccessDenied", "Access Denied")


@pytest.fixture
def bench(proxy: FaultProxy, far_s3: S3Client, bucket: str, tmp_path: Path) -> UploadBench:
    return UploadBench(proxy, far_s3, bucket, tmp_path / "recording.zip")


def begin(state: UploadState, bench: UploadBench) -> None:
    state.begin(
        UploadHeader(
            file=FileIdentity.of(bench.path),
            part_size_bytes=bench.plan.part_size_bytes,
            service="http://service",
            room_id="lab",
            upload_id="lab-1",
        )
    )


@pytest.mark.parametrize("size", [0, 1, SMALLEST_PART_BYTES, 2 * SMALLEST_PART_BYTES + 1])
def test_a_file_arrives_as_it_is(bench: UploadBench, size: int) -> None:
    bench.open(size)
    bench.assert_sends()
    assert bench.progress[-1].done_bytes == bench.progress[-1].total_bytes == size
    assert bench.objects.head(KEY).metadata == {"upload-id": "lab-1"}


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_the_number_of_threads_changes_nothing(bench: UploadBench, threads: int) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.assert_sends(threads=threads)
    assert [bench.puts(number) for number in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    "fault",
    [
        s3_error(503, "SlowDown"),
        Reply(503, headers={"Retry-After": "0"}),
        Reply(503, headers={"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}),
        s3_error(400, "RequestTimeout"),
        Reply(200, b"<html>Please log in to this network</html>"),
        Reset(0),
        Reset(PART_BYTES // 2),
        LoseReply(),
        Corrupt(),
    ],
    ids=lambda fault: f"{type(fault).__name__} {getattr(fault, 'status', '')}".strip(),
)
def test_a_part_that_failed_is_sent_again(
    bench: UploadBench, fault: Reply | Reset | LoseReply | Corrupt
) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("PUT .*partNumber", fault)
    bench.assert_sends()
    assert bench.puts(1) == 2


def test_a_reset_in_the_middle_of_a_large_part_costs_that_part_alone(bench: UploadBench) -> None:
    bench.open(2 * SMALLEST_PART_BYTES + 1)
    bench.proxy.script(r"PUT .*partNumber=2\b", Reset(SMALLEST_PART_BYTES // 2))
    bench.assert_sends()
    assert [bench.puts(number) for number in (1, 2, 3)] == [1, 2, 1]


def test_an_expired_url_is_signed_again(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("PUT .*partNumber", EXPIRED)
    bench.assert_sends()
    assert bench.session.batches == [[1], [1]]


def test_a_url_that_outlived_the_credentials_of_its_signer_is_signed_again(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("PUT .*partNumber", s3_error(400, "ExpiredToken", "The provided token has expired."))
    bench.assert_sends()
    assert bench.session.batches == [[1], [1]]


def test_urls_signed_together_are_signed_again_together(bench: UploadBench) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.proxy.script("PUT .*partNumber", EXPIRED)
    bench.assert_sends(threads=1)
    assert bench.session.batches == [[1, 2], [1, 2], [3]]


def test_a_refusal_ends_the_upload_and_what_was_acknowledged_stays(bench: UploadBench) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.proxy.script(r"PUT .*partNumber=3\b", DENIED, times=2)
    with pytest.raises(TransferFailed, match="part 3: HTTP 403 AccessDenied: Access Denied"):
        bench.send(threads=1)
    assert [part.number for part in bench.recorded] == [1, 2]
    assert bench.puts(3) == 2
    bench.assert_nothing_completed()


def test_the_secret_in_a_url_is_in_no_message(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("PUT .*partNumber", DENIED, times=2)
    with pytest.raises(TransferFailed) as failed:
        bench.send()
    assert "X-Amz" not in str(failed.value)


def test_resume_sends_only_the_parts_that_are_missing(bench: UploadBench) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.proxy.script(r"PUT .*partNumber=2\b", DENIED, times=2)
    with pytest.raises(TransferFailed):
        bench.send(threads=1)
    bench.assert_sends()
    assert [bench.puts(number) for number in (1, 2, 3)] == [1, 3, 1]
    assert {progress.resumed_bytes for progress in bench.progress} == {0, PART_BYTES + 1}


def test_resume_goes_on_from_the_state_file(bench: UploadBench) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.proxy.script(r"PUT .*partNumber=3\b", DENIED, times=2)
    with UploadState(bench.path) as state:
        begin(state, bench)
        with pytest.raises(TransferFailed):
            bench.send(threads=1, on_part=state.record)
    with UploadState(bench.path) as state:
        bench.recorded = list(state.parts.values())
        bench.assert_sends()
    assert [bench.puts(number) for number in (1, 2, 3)] == [1, 1, 3]


def test_an_upload_whose_parts_are_all_there_is_only_completed(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("POST .*uploadId", DENIED)
    with pytest.raises(Exception, match="AccessDenied"):
        bench.send()
    bench.assert_sends()
    assert bench.puts(1) == 1


def test_an_upload_that_was_aborted_meanwhile_does_not_complete(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.transfers.abort(KEY, bench.upload.s3_upload_id)
    with pytest.raises(TransferFailed, match="NoSuchUpload"):
        bench.send()
    assert bench.puts(1) == 1


def overwrite_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, 1)


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def once(action: Callable[[], None]) -> ProgressHook:
    """Return a hook that acts on its first call: after the file was looked at, before it is read."""
    left = [action]

    def hook(_: TransferProgress) -> None:
        if left:
            left.pop()()

    return hook


CHANGES = pytest.mark.parametrize("change", [overwrite_in_place, append, truncate, replace])


@CHANGES
def test_a_file_that_changes_while_its_last_part_is_on_the_way_is_not_completed(
    bench: UploadBench, change: Callable[[Path], None]
) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("PUT .*partNumber", First(lambda: change(bench.path)))
    with pytest.raises(FileChanged, match="changed while it was being sent"):
        bench.send()
    bench.assert_nothing_completed()


@CHANGES
def test_a_file_that_changed_since_its_checksum_was_taken_is_told_at_once(
    bench: UploadBench, change: Callable[[Path], None]
) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.proxy.script(r"PUT .*partNumber=1\b", First(lambda: change(bench.path)))
    with pytest.raises(FileChanged):
        bench.send(threads=1)
    assert max(bench.puts(number) for number in (1, 2, 3)) == 1
    bench.assert_nothing_completed()


@CHANGES
def test_a_file_that_changes_before_its_checksum_is_taken_is_not_completed(
    bench: UploadBench, change: Callable[[Path], None]
) -> None:
    bench.open(PART_BYTES)
    with pytest.raises(FileChanged):
        bench.send(on_progress=once(lambda: change(bench.path)))
    bench.assert_nothing_completed()


def test_a_file_of_another_size_than_planned_is_not_sent(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    append(bench.path)
    with pytest.raises(FileChanged):
        bench.send()
    assert bench.puts(1) == 0


def test_a_file_that_is_not_there_is_missing(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.path.unlink()
    with pytest.raises(FileMissing):
        bench.send()


def test_a_file_that_disappears_before_it_is_read_is_unreadable(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    with pytest.raises(FileUnreadable, match="No such file"):
        bench.send(on_progress=once(bench.path.unlink))


def test_a_file_that_disappears_between_two_parts_is_unreadable(bench: UploadBench) -> None:
    bench.open(THREE_PARTS, PART_BYTES)
    bench.proxy.script(r"PUT .*partNumber=1\b", First(bench.path.unlink))
    with pytest.raises(FileUnreadable, match="No such file"):
        bench.send(threads=1)
    bench.assert_nothing_completed()


def test_a_part_that_cannot_be_recorded_ends_the_upload(bench: UploadBench) -> None:
    def full(part: SentPart) -> None:
        raise OSError("No space left on device")

    bench.open(THREE_PARTS, PART_BYTES)
    with pytest.raises(OSError, match="No space left"):
        bench.send(threads=1, on_part=full)
    assert bench.puts(2) == 0


class SignerThatWasAway:
    """A session whose signer is away when it is first asked."""

    def __init__(self, session: CountingSession) -> None:
        self._session = session
        self._away = True

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        if self._away:
            self._away = False
            raise Unreachable(where="The service", why="connection refused")
        return self._session.sign(parts)

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        self._session.complete(parts, crc)


def test_a_signer_that_was_away_is_asked_again(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.session = SignerThatWasAway(bench.session)  # type: ignore[assignment]
    bench.assert_sends()


def test_a_completion_that_fails_inside_a_200_is_tried_again(bench: UploadBench) -> None:
    bench.open(PART_BYTES)
    bench.proxy.script("POST .*uploadId", s3_error(200, "InternalError", "We encountered an internal error."))
    bench.assert_sends()
    assert bench.proxy.count("POST .*uploadId") == 2
