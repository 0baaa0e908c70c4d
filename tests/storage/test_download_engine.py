"""Downloads from a real S3 server: verified and whole, or not there at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.fault_proxy import Corrupt, Fault, FaultProxy, First, LoseReply, Reply, Reset, Truncate, s3_error
from support.product import eventually
from support.transfer_bench import KEY, DownloadBench, noise

from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.errors import DiskFull, IntegrityError, ObjectChanged, TransferFailed
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.part_plan import PREFERRED_PART_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

SMALL = 100_000
TWO_RANGES = PREFERRED_PART_BYTES + SMALL
FIRST_RANGE = f"GET .*bytes=0-{PREFERRED_PART_BYTES - 1}$"
SECOND_RANGE = f"GET .*bytes={PREFERRED_PART_BYTES}-{TWO_RANGES - 1}$"
EXPIRED = s3_error(403, "AccessDenied", "Request has expired")


@pytest.fixture
def bench(proxy: FaultProxy, far_s3: S3Client, bucket: str, tmp_path: Path) -> DownloadBench:
    return DownloadBench(proxy, far_s3, bucket, tmp_path)


@pytest.mark.parametrize("size", [1, SMALL, PREFERRED_PART_BYTES, TWO_RANGES])
def test_an_object_arrives_as_it_is(bench: DownloadBench, size: int) -> None:
    bench.store(size)
    bench.assert_fetches()
    assert bench.progress[-1].done_bytes == bench.progress[-1].total_bytes == size


def test_a_hook_that_raises_does_not_end_the_download(bench: DownloadBench) -> None:
    def hook(_: object) -> None:
        raise OSError("the pipe is closed")

    bench.store(TWO_RANGES)
    bench.fetch(on_progress=hook)
    assert bench.target.read_bytes() == bench.content


def test_an_object_is_read_range_by_range(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)
    bench.assert_fetches()
    assert (bench.proxy.count(FIRST_RANGE), bench.proxy.count(SECOND_RANGE)) == (1, 1)


def test_an_empty_object_is_an_empty_file(bench: DownloadBench) -> None:
    bench.store(0)
    bench.assert_fetches()
    assert bench.proxy.count("GET") == 0


def test_folders_on_the_way_are_made(bench: DownloadBench) -> None:
    bench.store(1)
    bench.target = bench.target.parent / "a" / "b" / "data.zip"
    bench.assert_fetches()


@pytest.mark.parametrize(
    "fault",
    [
        s3_error(503, "SlowDown"),
        Truncate(0),
        Truncate(SMALL // 2),
        LoseReply(),
        Reset(),
        Reply(206, noise(SMALL), {"Content-Range": f"bytes 0-{SMALL - 1}/{SMALL + 1}"}),
        Reply(206, noise(SMALL), {"Content-Range": f"bytes 1-{SMALL}/{SMALL}"}),
        Reply(206, noise(SMALL + 1), {"Content-Range": f"bytes 0-{SMALL - 1}/{SMALL}"}),
        Reply(206, noise(SMALL - 1), {"Content-Range": f"bytes 0-{SMALL - 1}/{SMALL}"}),
    ],
    ids=[
        "503",
        "no body",
        "half a body",
        "no reply",
        "reset",
        "other size",
        "other range",
        "longer",
        "shorter",
    ],
)
def test_a_range_that_failed_is_fetched_again(bench: DownloadBench, fault: Fault) -> None:
    bench.store(SMALL)
    bench.proxy.script("GET", fault)
    bench.assert_fetches()
    assert bench.proxy.count("GET") == 2


def test_a_range_that_was_cut_goes_on_where_it_was_cut(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)
    half = PREFERRED_PART_BYTES // 2
    bench.proxy.script(FIRST_RANGE, Truncate(half))
    bench.assert_fetches()
    assert bench.proxy.count(f"bytes={half}-{PREFERRED_PART_BYTES - 1}") == 1
    assert (bench.proxy.count(FIRST_RANGE), bench.proxy.count(SECOND_RANGE)) == (1, 1)


def test_an_expired_url_is_signed_again_once_for_all_ranges(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)
    bench.proxy.script("GET .*&dead ", EXPIRED, times=2)
    dead = iter([bench.signed_url() + "&dead"])
    bench.fetch(signed_url=lambda: next(dead, None) or bench.signed_url())
    assert bench.target.read_bytes() == bench.content
    assert bench.signatures == 2


def test_a_url_that_expired_is_not_used_again(bench: DownloadBench) -> None:
    bench.store(SMALL)
    bench.proxy.script("GET", s3_error(400, "ExpiredToken", "The provided token has expired."))
    bench.assert_fetches()
    assert bench.signatures == 2


def test_an_object_that_was_replaced_before_is_refused(bench: DownloadBench) -> None:
    bench.store(SMALL)
    bench.replace()
    with pytest.raises(ObjectChanged, match="The dataset was replaced in the store"):
        bench.fetch()
    bench.assert_nothing_left()


def test_an_object_that_is_replaced_while_it_is_read_is_refused(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)
    bench.proxy.script(SECOND_RANGE, First(bench.replace))
    with pytest.raises(ObjectChanged):
        bench.fetch()
    bench.assert_nothing_left()


def test_the_reason_told_is_the_one_that_ended_the_download(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)

    def both_are_asked_for() -> None:
        eventually(lambda: bench.proxy.count(SECOND_RANGE) == 1)

    overloaded = Reply(503, headers={"Retry-After": "30"}, after=both_are_asked_for)
    bench.proxy.script(FIRST_RANGE, overloaded)
    bench.proxy.script(SECOND_RANGE, First(bench.replace))
    with pytest.raises(ObjectChanged):
        bench.fetch()
    assert bench.proxy.count(FIRST_RANGE) == 1


def test_the_next_download_fetches_only_the_ranges_that_are_missing(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)
    bench.proxy.script(SECOND_RANGE, s3_error(403, "AccessDenied", "Access Denied"), times=2)
    with pytest.raises(TransferFailed):
        bench.fetch(threads=1)
    bench.assert_fetches()
    assert (bench.proxy.count(FIRST_RANGE), bench.proxy.count(SECOND_RANGE)) == (1, 3)
    assert bench.progress[-1].resumed_bytes == PREFERRED_PART_BYTES


def test_bytes_that_were_altered_on_the_way_are_not_kept(bench: DownloadBench) -> None:
    bench.store(SMALL)
    bench.proxy.script("GET", Corrupt())
    with pytest.raises(IntegrityError, match="does not match its checksum"):
        bench.fetch()
    bench.assert_nothing_left()


def test_bytes_that_were_altered_in_the_store_are_not_kept(bench: DownloadBench) -> None:
    bench.store(TWO_RANGES)
    with pytest.raises(IntegrityError, match=r"expected crc64nvme:\S+, found crc64nvme:"):
        bench.fetch(checksum=to_text(crc64nvme(b"other bytes")))
    bench.assert_nothing_left()


def test_an_empty_object_is_verified_too(bench: DownloadBench) -> None:
    bench.store(0)
    with pytest.raises(IntegrityError):
        bench.fetch(checksum=to_text(crc64nvme(b"other bytes")))
    bench.assert_nothing_left()


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(bench: DownloadBench) -> None:
    bench.store(SMALL)
    bench.target.write_bytes(b"the earlier one")
    bench.proxy.script("GET", Corrupt())
    with pytest.raises(IntegrityError):
        bench.fetch()
    assert bench.target.read_bytes() == b"the earlier one"
    bench.assert_fetches()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (s3_error(403, "AccessDenied", "Access Denied"), "HTTP 403 AccessDenied: Access Denied"),
        (s3_error(404, "NoSuchKey", "The specified key does not exist."), "HTTP 404 NoSuchKey"),
        (Reply(200, noise(SMALL)), "HTTP 200"),
    ],
    ids=["denied", "gone", "the whole instead of a range"],
)
def test_an_answer_that_will_not_change_ends_the_download(
    bench: DownloadBench, reply: Reply, why: str
) -> None:
    bench.store(SMALL)
    bench.proxy.script("GET", reply, times=2)
    with pytest.raises(TransferFailed, match=why) as failed:
        bench.fetch()
    assert "X-Amz" not in str(failed.value)
    assert bench.proxy.count("GET") == (2 if reply.status == 403 else 1)
    bench.assert_nothing_left()


def test_a_signer_that_is_away_ends_the_download_with_its_own_error(bench: DownloadBench) -> None:
    urls = iter([""])

    def signed_once() -> str:
        assert next(urls, None) is not None, "the signer is away"
        return bench.transfers.sign_get(KEY)

    bench.store(SMALL)
    bench.proxy.script("GET", EXPIRED)
    with pytest.raises(AssertionError, match="the signer is away"):
        bench.fetch(signed_url=signed_once)
    bench.assert_nothing_left()


def test_an_object_that_the_disk_cannot_hold_is_not_asked_for(bench: DownloadBench) -> None:
    bench.store(1)
    whole_disk = shutil.disk_usage(bench.target.parent).total
    with pytest.raises(DiskFull, match=f"{whole_disk:,} bytes are needed"):
        bench.fetch(size_bytes=whole_disk)
    assert bench.signatures == 0
    bench.assert_nothing_left()


FILLS_UP = """
import sys
from pathlib import Path
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import DiskFull

folder, url, etag = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def url_and_somebody_else_fills_the_disk():
    (folder / "somebody else's").write_bytes(bytes(1_500_000))
    return url

try:
    download(
        RemoteObject("The dataset", 1_000_000, etag, "", url_and_somebody_else_fills_the_disk),
        folder / "data.zip",
    )
except DiskFull as error:
    print(error, [path.name for path in folder.iterdir()])
"""
SMALL_DISK = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4" "$5"'


def may_mount() -> bool:
    done = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux" or not may_mount(), reason="may not mount a small disk here")
def test_a_disk_that_fills_up_meanwhile_is_told_and_nothing_is_left(
    bench: DownloadBench, tmp_path: Path
) -> None:
    etag = bench.objects.put(KEY, noise(1_000_000), Overwrite())
    command = [
        "sh",
        "-ec",
        SMALL_DISK,
        "sh",
        str(tmp_path),
        sys.executable,
        FILLS_UP,
        bench.signed_url(),
        etag,
    ]
    done = subprocess.run(["unshare", "-rm", *command], capture_output=True, text=True, check=False)
    assert "is full: 1,000,000 bytes are needed" in done.stdout, done.stderr
    assert done.stdout.endswith('["somebody else\'s"]\n')
