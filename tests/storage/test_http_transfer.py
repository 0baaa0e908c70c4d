"""One part or one range over HTTP: what comes back is a value, and never tells the URL's secret."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3
from support.fault_proxy import FaultProxy, First, Reply, Reset, s3_error

from sleap_rtc.local.engine import free_port
from sleap_rtc.storage.http_transfer import connection_pool, get_range, put_part
from sleap_rtc.storage.part_plan import Part
from sleap_rtc.storage.retry import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    Move = Callable[..., str | int | Failure]

BODY = b"0123456789" * 100
WHOLE = Part(1, 0, len(BODY))
RANGE = Reply(206, BODY, {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"})
SECRET = "/bucket/key?X-Amz-Signature=secret"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "part"
    path.write_bytes(BODY)
    return path


def send(url: str, file: Path, pool: urllib3.PoolManager | None = None) -> str | Failure:
    return put_part(pool or connection_pool(1), url + SECRET, file, WHOLE, 0)


def fetch(url: str, file: Path, pool: urllib3.PoolManager | None = None) -> int | Failure:
    return get_range(pool or connection_pool(1), url + SECRET, '"etag"', file, WHOLE, len(BODY))


BOTH = pytest.mark.parametrize("move", [send, fetch])


@BOTH
def test_an_error_of_s3_is_told_with_its_code_and_message(proxy: FaultProxy, file: Path, move: Move) -> None:
    proxy.script("", s3_error(403, "AccessDenied", "Access Denied"))
    assert move(proxy.url, file) == Failure(403, "HTTP 403 AccessDenied: Access Denied")


@BOTH
def test_an_error_of_somebody_else_is_told_by_its_status(proxy: FaultProxy, file: Path, move: Move) -> None:
    proxy.script("", Reply(502, b"\xff<html>" * 10_000))
    assert move(proxy.url, file) == Failure(502, "HTTP 502")


@BOTH
@pytest.mark.parametrize(("header", "delay_s"), [("7", 7), ("soon", 0), ("-1", 0)])
def test_the_delay_that_the_store_asks_for_is_passed_on(
    proxy: FaultProxy, file: Path, move: Move, header: str, delay_s: float
) -> None:
    proxy.script("", Reply(503, headers={"Retry-After": header}))
    assert move(proxy.url, file) == Failure(503, "HTTP 503", delay_s)


@BOTH
def test_nobody_at_the_address_is_told_without_the_secret(file: Path, move: Move) -> None:
    port = free_port()
    assert move(f"http://127.0.0.1:{port}", file) == Failure(0, f"127.0.0.1:{port}: connection refused")


@BOTH
def test_a_connection_that_was_cut_is_told_without_the_secret(
    proxy: FaultProxy, file: Path, move: Move
) -> None:
    proxy.script("", Reset())
    assert move(proxy.url, file) == Failure(
        0, f"{urllib3.util.parse_url(proxy.url).netloc}: the connection was cut"
    )


@BOTH
def test_a_store_that_falls_silent_is_not_waited_for_without_end(
    proxy: FaultProxy, file: Path, move: Move
) -> None:
    over = threading.Event()
    proxy.script("", First(over.wait))
    impatient = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(read=0.1))
    failure = move(proxy.url, file, impatient)
    over.set()
    assert isinstance(failure, Failure)
    assert failure.text.endswith("no byte for 30 s")


def test_a_plain_server_behind_an_https_address_is_told(proxy: FaultProxy, file: Path) -> None:
    failure = send(proxy.url.replace("http:", "https:"), file)
    assert isinstance(failure, Failure)
    assert failure.text.endswith("the TLS certificate was not accepted")


def test_a_success_without_an_etag_is_not_an_acknowledgement(proxy: FaultProxy, file: Path) -> None:
    proxy.script("PUT", Reply(200, b"<html>Please log in</html>"))
    failure = send(proxy.url, file)
    assert isinstance(failure, Failure)
    assert "not from an object store" in failure.text


def test_a_file_that_became_shorter_is_not_sent_on(proxy: FaultProxy, file: Path) -> None:
    file.write_bytes(BODY[:-1])
    assert isinstance(send(proxy.url, file), Failure)


def test_a_file_that_cannot_be_opened_is_an_error_of_its_own(proxy: FaultProxy, file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        send(proxy.url, file.with_name("nothing"))


def test_a_range_lands_in_its_place_in_the_file(proxy: FaultProxy, file: Path) -> None:
    file.write_bytes(bytes(30))
    proxy.script("bytes=10-19", Reply(206, b"0123456789", {"Content-Range": "bytes 10-19/30"}))
    crc = get_range(connection_pool(1), proxy.url + SECRET, '"etag"', file, Part(2, 10, 10), 30)
    assert isinstance(crc, int)
    assert file.read_bytes() == bytes(10) + b"0123456789" + bytes(10)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
def test_a_disk_that_is_full_is_an_error_of_its_own(proxy: FaultProxy) -> None:
    proxy.script("GET", RANGE)
    with pytest.raises(OSError, match="No space left") as raised:
        fetch(proxy.url, Path("/dev/full"))
    assert raised.value.errno == errno.ENOSPC


def test_a_connection_with_an_unread_rest_is_not_used_again(proxy: FaultProxy, file: Path) -> None:
    pool = connection_pool(1)
    proxy.script("GET", Reply(502, bytes(1_000_000)), RANGE)
    assert isinstance(fetch(proxy.url, file, pool), Failure)
    assert isinstance(fetch(proxy.url, file, pool), int)
