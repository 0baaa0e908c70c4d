"""One part or one range over HTTP: what comes back is a value, and never tells the URL's secret."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from support.certificates import Authority
from support.connect_proxy import ConnectProxy
from support.fault_proxy import FaultProxy, Reply, Reset, s3_error
from support.tiny_server import TinyServer

from sleap_rtc.local.engine import free_port
from sleap_rtc.storage import http_connection
from sleap_rtc.storage.checksum import crc64nvme, to_header
from sleap_rtc.storage.http_transfer import RangeSoFar, get_range, put_part
from sleap_rtc.storage.lane import Lane
from sleap_rtc.storage.part_plan import Part
from sleap_rtc.storage.retry import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.tiny_server import Visitor

BODY = bytes(range(250)) * 40
SECRET = "/bucket/key?X-Amz-Signature=secret"
# More than two kernels hold for each other.
LARGE = 64 * 1024 * 1024


class Place:
    """A file with a part to send, room for a range to fetch, and a lane to do it on."""

    def __init__(self, folder: Path, size: int = len(BODY), *, stall_s: float = 10.0) -> None:
        self.path = folder / "part"
        self.path.write_bytes(BODY)
        os.truncate(self.path, size)
        self.lane = Lane(stall_s=stall_s)
        self.part = Part(1, 0, size)
        self.arrived = bytearray(len(BODY))
        self.so_far = RangeSoFar()

    def send(self, url: str, *, careful: bool = False) -> str | Failure:
        with self.path.open("rb", buffering=0) as file:
            outcome = put_part(self.lane, url + SECRET, file, self.part, crc64nvme(BODY), careful=careful)
        assert "secret" not in str(outcome)
        return outcome

    def fetch(self, url: str, *, part: Part | None = None) -> Failure | None:
        outcome = get_range(
            self.lane, url + SECRET, '"etag"', part or self.part, len(BODY), self.so_far, self._write
        )
        assert "secret" not in str(outcome)
        return outcome

    def _write(self, piece: memoryview, offset: int) -> None:
        self.arrived[offset : offset + len(piece)] = piece


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.lane.close()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Place]:
    """Return a place of a large part, whose lane gives up a connection that stands still for a moment."""
    place = Place(tmp_path, LARGE, stall_s=0.2)
    yield place
    place.lane.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """Return an authority that this process trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    http_connection._tls_context.cache_clear()
    yield authority
    http_connection._tls_context.cache_clear()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


BOTH = pytest.mark.parametrize("move", [Place.send, Place.fetch], ids=["send", "fetch"])


def take_part(visitor: Visitor) -> None:
    """Take parts as a store does, as long as they come."""
    while head := visitor.head():
        if "100-continue" in head:
            visitor.say("HTTP/1.1 100 Continue\n\n")
        visitor.body(_length(head))
        visitor.answer("200 OK", 'ETag: "etag"')


def give_range(visitor: Visitor) -> None:
    """Give ranges of the body as a store does, as long as they are asked for."""
    while head := visitor.head():
        first, last = _range(head)
        visitor.answer("206 Partial Content", _content_range(first, last), body=BODY[first : last + 1])


def _length(head: str) -> int:
    return int(_header(head, "Content-Length"))


def _range(head: str) -> tuple[int, int]:
    first, last = _header(head, "Range").removeprefix("bytes=").split("-")
    return int(first), int(last)


def _header(head: str, name: str) -> str:
    return next(line.partition(": ")[2] for line in head.splitlines() if line.startswith(f"{name}: "))


def _content_range(first: int, last: int) -> str:
    return f"Content-Range: bytes {first}-{last}/{len(BODY)}"


def told(outcome: object) -> str:
    """Return what a failure says."""
    assert isinstance(outcome, Failure)
    return outcome.text.partition(": ")[2]


def test_a_part_is_sent_with_its_length_and_checksum_and_its_etag_comes_back(place: Place) -> None:
    seen: list[object] = []

    def script(visitor: Visitor) -> None:
        seen.extend([head := visitor.head(), visitor.body(_length(head))])
        visitor.answer("200 OK", 'ETag: "etag"')

    with TinyServer(script) as server:
        assert place.send(server.url) == '"etag"'
    head, body = cast("tuple[str, bytes]", seen)
    assert head.startswith(f"PUT {SECRET} HTTP/1.1\r\nHost: {server.url.removeprefix('http://')}\r\n")
    assert _header(head, "x-amz-checksum-crc64nvme") == to_header(crc64nvme(BODY))
    assert body == BODY


def test_a_range_lands_in_its_place(place: Place) -> None:
    with TinyServer(give_range) as server:
        assert place.fetch(server.url, part=Part(1, 100, 250)) is None
    assert place.arrived == bytes(100) + BODY[100:350] + bytes(len(BODY) - 350)
    assert (place.so_far.length, place.so_far.crc) == (250, crc64nvme(BODY[100:350]))


@BOTH
def test_a_connection_is_kept_for_the_next_request(place: Place, move: Callable[..., object]) -> None:
    with TinyServer(take_part if move is Place.send else give_range) as server:
        for _ in range(3):
            place.so_far = RangeSoFar()
            assert not isinstance(move(place, server.url), Failure)
        assert server.connections == 1
        assert place.lane.moved_bytes == 3 * len(BODY)
        place.lane.close()


@BOTH
def test_a_kept_connection_that_the_server_closed_is_replaced_without_a_failure(
    place: Place, move: Callable[..., object]
) -> None:
    ended = threading.Event()

    def once(visitor: Visitor) -> None:
        head = visitor.head()
        if move is Place.send:
            visitor.body(_length(head))
        body = b"" if move is Place.send else BODY
        visitor.answer("206 Partial" if body else "200 OK", "ETag: x", _content_range(0, 9999), body=body)
        visitor.sock.shutdown(2)
        ended.set()

    with TinyServer(once) as server:
        for _ in range(3):
            place.so_far = RangeSoFar()
            assert not isinstance(move(place, server.url), Failure)
            assert ended.wait(10)
            ended.clear()
        assert server.connections == 3


@BOTH
def test_a_connection_that_the_server_will_close_is_not_used_again(
    place: Place, move: Callable[..., object]
) -> None:
    def script(visitor: Visitor) -> None:
        head = visitor.head()
        if move is Place.send:
            visitor.body(_length(head))
        body = b"" if move is Place.send else BODY
        status = "206 Partial" if body else "200 OK"
        visitor.answer(status, "ETag: x", _content_range(0, 9999), "Connection: close", body=body)
        visitor.drain()

    with TinyServer(script) as server:
        for count in (1, 2):
            place.so_far = RangeSoFar()
            assert not isinstance(move(place, server.url), Failure)
            assert server.connections == count
            assert place.lane.moved_bytes == count * len(BODY)


def test_another_host_gets_a_connection_of_its_own(place: Place) -> None:
    with TinyServer(take_part) as first, TinyServer(take_part) as second:
        for server in (first, second):
            assert place.send(server.url) == '"etag"'
        assert (first.connections, second.connections) == (1, 1)
        place.lane.close()


def test_a_chunked_reply_is_read_whole(place: Place) -> None:
    def script(visitor: Visitor) -> None:
        while head := visitor.head():
            visitor.body(_length(head))
            visitor.say("HTTP/1.1 200 OK\nETag: x\nTransfer-Encoding: chunked\n\n4\nabcd\n0\n\n")

    with TinyServer(script) as server:
        assert [place.send(server.url) for _ in range(2)] == ["x", "x"]
        assert server.connections == 1
        place.lane.close()


def test_a_chunked_range_is_taken_too(place: Place) -> None:
    def script(visitor: Visitor) -> None:
        visitor.head()
        visitor.say(f"HTTP/1.1 206 Partial\n{_content_range(0, 9999)}\nTransfer-Encoding: chunked\n\n")
        visitor.say("2000\n", BODY[:8192])
        visitor.say(f"\n{10_000 - 8192:x}\n", BODY[8192:])
        visitor.say("\n0\n\n")

    with TinyServer(script) as server:
        assert place.fetch(server.url) is None
    assert place.arrived == BODY


@BOTH
def test_an_error_of_s3_is_told_with_its_code_and_message(
    proxy: FaultProxy, place: Place, move: Callable[..., object]
) -> None:
    proxy.script("", s3_error(403, "AccessDenied", "Access Denied"))
    assert move(place, proxy.url) == Failure(403, "HTTP 403 AccessDenied: Access Denied")


@BOTH
def test_an_error_of_somebody_else_is_told_by_its_status(
    proxy: FaultProxy, place: Place, move: Callable[..., object]
) -> None:
    proxy.script("", Reply(502, b"\xff<html>" * 10_000))
    assert move(place, proxy.url) == Failure(502, "HTTP 502")


@BOTH
@pytest.mark.parametrize(("header", "delay_s"), [("7", 7), ("soon", 0), ("-1", 0)])
def test_the_delay_that_the_store_asks_for_is_passed_on(
    proxy: FaultProxy, place: Place, move: Callable[..., object], header: str, delay_s: float
) -> None:
    proxy.script("", Reply(503, headers={"Retry-After": header}))
    assert move(place, proxy.url) == Failure(503, "HTTP 503", delay_s)


@BOTH
def test_a_connection_with_an_unread_rest_is_not_used_again(
    place: Place, move: Callable[..., object]
) -> None:
    def refuse(visitor: Visitor) -> None:
        visitor.head()
        visitor.answer("502 Bad Gateway", body=bytes(1_000_000))
        visitor.drain()

    with TinyServer(refuse, take_part if move is Place.send else give_range) as server:
        assert isinstance(move(place, server.url), Failure)
        assert not isinstance(move(place, server.url), Failure)
        place.lane.close()


@pytest.mark.parametrize(
    ("signed", "skew_s"), [("20260102T040405Z", 3600), ("20260102T025905Z", -300), ("garbage", 0)]
)
def test_the_signers_clock_is_held_against_the_stores(place: Place, signed: str, skew_s: float) -> None:
    def script(visitor: Visitor) -> None:
        visitor.body(_length(visitor.head()))
        visitor.answer("403 Forbidden", "Date: Fri, 02 Jan 2026 03:04:05 GMT")

    with TinyServer(script) as server, place.path.open("rb", buffering=0) as file:
        failure = put_part(place.lane, f"{server.url}/key?X-Amz-Date={signed}", file, place.part, 0)
    assert failure == Failure(403, "HTTP 403", skew_s=skew_s)


@BOTH
def test_nobody_at_the_address_is_away(place: Place, move: Callable[..., object]) -> None:
    port = free_port()
    failure = move(place, f"http://127.0.0.1:{port}")
    assert failure == Failure(0, f"127.0.0.1:{port}: connection refused", away=True)


def test_a_host_without_an_address_is_away(place: Place) -> None:
    failure = place.send("http://nowhere.invalid")
    assert failure == Failure(0, "nowhere.invalid: unknown host", away=True)


@BOTH
def test_a_connection_that_was_cut_is_told_and_is_no_outage(
    proxy: FaultProxy, place: Place, move: Callable[..., object]
) -> None:
    proxy.script("", Reset())
    failure = move(place, proxy.url)
    assert told(failure) == "the connection was cut"
    assert failure == Failure(0, f"{proxy.url.removeprefix('http://')}: the connection was cut")


@BOTH
def test_what_is_not_http_is_a_failure(place: Place, move: Callable[..., object]) -> None:
    def script(visitor: Visitor) -> None:
        visitor.head()
        visitor.say("220 mail.example ESMTP\n")
        visitor.drain()

    with TinyServer(script) as server:
        assert told(move(place, server.url)) == "BadStatusLine"


def test_a_success_without_an_etag_is_not_an_acknowledgement(proxy: FaultProxy, place: Place) -> None:
    proxy.script("PUT", Reply(200, b"<html>Please log in</html>"))
    assert told(place.send(proxy.url)) == "the reply is not from an object store"


@pytest.mark.parametrize("by", ["sendfile", "slices"])
def test_a_file_that_became_shorter_is_an_error_of_its_own(
    place: Place, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "slices":
        monkeypatch.delattr(os, "sendfile")
    os.truncate(place.path, len(BODY) - 1)
    with TinyServer(take_part) as server, pytest.raises(EOFError):
        place.send(server.url)
    place.lane.close()


def test_where_the_kernel_sends_no_files_the_bytes_arrive_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sendfile")
    monkeypatch.setattr(http_connection, "_KERNEL_TELLS", False)
    with TinyServer(take_part) as server:
        assert place.send(server.url) == '"etag"'
        assert place.lane.moved_bytes == len(BODY)
        place.lane.close()


# Standing still


def test_a_store_that_reads_nothing_is_given_up(impatient: Place) -> None:
    with TinyServer(lambda visitor: visitor.wait()) as server:
        assert told(impatient.send(server.url)).startswith("no byte for")
        assert impatient.lane.moved_bytes < LARGE


def test_a_store_that_reads_all_and_never_answers_is_given_up(impatient: Place) -> None:
    def script(visitor: Visitor) -> None:
        visitor.body(_length(visitor.head()))
        visitor.wait()

    with TinyServer(script) as server:
        assert told(impatient.send(server.url)).startswith("no byte for")
        assert impatient.lane.moved_bytes == LARGE


def test_a_store_that_stops_in_mid_range_is_given_up_and_gone_on_with(tmp_path: Path) -> None:
    place = Place(tmp_path, stall_s=0.2)

    def half(visitor: Visitor) -> None:
        visitor.head()
        visitor.say(
            f"HTTP/1.1 206 Partial\n{_content_range(0, 9999)}\nContent-Length: 10000\n\n", BODY[:5000]
        )
        visitor.wait()

    with TinyServer(half, give_range) as server:
        assert told(place.fetch(server.url)).startswith("no byte for")
        assert place.fetch(server.url) is None
        assert bytes(place.arrived) == BODY
        assert place.lane.moved_bytes == len(BODY)
        place.lane.close()


def test_a_range_that_is_cut_keeps_what_it_brought(place: Place) -> None:
    def half(visitor: Visitor) -> None:
        visitor.head()
        visitor.say(
            f"HTTP/1.1 206 Partial\n{_content_range(0, 9999)}\nContent-Length: 10000\n\n", BODY[:5000]
        )

    with TinyServer(half) as server:
        assert isinstance(place.fetch(server.url), Failure)
        assert place.so_far.length == 5000


@pytest.mark.parametrize(
    ("headers", "length"),
    [((_content_range(1, 10_000),), 10_000), ((), 10_000), ((_content_range(0, 9999),), 9999)],
    ids=["another place", "no place", "another length"],
)
def test_a_range_that_was_not_asked_for_is_not_written(
    place: Place, headers: tuple[str, ...], length: int
) -> None:
    def script(visitor: Visitor) -> None:
        visitor.head()
        visitor.answer("206 Partial Content", *headers, body=BODY[:length])

    with TinyServer(script) as server:
        assert told(place.fetch(server.url)) == "asked for bytes 0-9999, was sent something else"
    assert place.so_far.length == 0


# Refused before the body's end


# Hanging up with bytes unread resets the connection; over TLS that may take the answer with it (RFC 9112).
@pytest.mark.parametrize(
    ("tls", "lingers"),
    [(False, True), (False, False), (True, True)],
    ids=["plain, reads on", "plain, hangs up", "TLS, reads on"],
)
def test_a_refusal_in_mid_body_is_read_and_told(
    tmp_path: Path, authority: Authority, tls: bool, lingers: bool
) -> None:
    place = Place(tmp_path, LARGE)
    received: list[int] = []

    def script(visitor: Visitor) -> None:
        visitor.head()
        visitor.body(100_000)
        error = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        visitor.answer("403 Forbidden", "Connection: close", body=error)
        received.append(visitor.drain() if lingers else 0)

    with TinyServer(script, tls=authority.server_context() if tls else None) as server:
        assert place.send(server.url) == Failure(403, "HTTP 403 AccessDenied: Access Denied")
    assert received[0] < LARGE / 2


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_body_is_sent_once_it_is_invited(place: Place, authority: Authority, tls: bool) -> None:
    with TinyServer(take_part, tls=authority.server_context() if tls else None) as server:
        assert [place.send(server.url, careful=True) for _ in range(2)] == ['"etag"', '"etag"']
        assert server.connections == 1
        place.lane.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_body_that_is_refused_before_it_is_sent_stays_here(
    place: Place, authority: Authority, tls: bool
) -> None:
    received: list[int] = []

    def script(visitor: Visitor) -> None:
        assert "\r\nExpect: 100-continue\r\n" in visitor.head()
        visitor.answer("503 Slow Down", "Retry-After: 3")
        received.append(visitor.drain())

    with TinyServer(script, tls=authority.server_context() if tls else None) as server:
        assert place.send(server.url, careful=True) == Failure(503, "HTTP 503", 3.0)
    assert (received, place.lane.moved_bytes) == ([0], 0)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_body_goes_without_an_invitation_after_a_while(
    place: Place, authority: Authority, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    monkeypatch.setattr(http_connection, "_INVITATION_S", 0.1)

    def script(visitor: Visitor) -> None:
        visitor.body(_length(visitor.head()))
        visitor.answer("200 OK", "ETag: x")

    with TinyServer(script, tls=authority.server_context() if tls else None) as server:
        assert place.send(server.url, careful=True) == "x"
        place.lane.close()


# Cut from another thread


@BOTH
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_lane_that_is_cut_ends_at_once(
    tmp_path: Path, authority: Authority, move: Callable[..., object], tls: bool
) -> None:
    place, reached, outcomes = Place(tmp_path, LARGE, stall_s=600), threading.Event(), list[object]()

    def script(visitor: Visitor) -> None:
        visitor.head()
        reached.set()
        visitor.wait()

    with TinyServer(script, tls=authority.server_context() if tls else None) as server:
        mover = threading.Thread(target=lambda: outcomes.append(move(place, server.url)), daemon=True)
        mover.start()
        assert reached.wait(10)
        place.lane.cut()
        mover.join(10)
        assert [told(outcome) for outcome in outcomes] == ["the connection was cut"]


def test_a_lane_that_is_cut_while_it_connects_sends_nothing(place: Place, authority: Authority) -> None:
    outcomes = list[object]()
    context = authority.server_context()
    reached = threading.Event()

    def script(visitor: Visitor) -> None:
        reached.set()
        go_on.wait(10)
        with context.wrap_socket(visitor.sock, server_side=True) as sock:
            received.append(sock.recv(1))

    received, go_on = list[bytes](), threading.Event()
    with TinyServer(script) as server:
        url = server.url.replace("http:", "https:")
        mover = threading.Thread(target=lambda: outcomes.append(place.send(url)), daemon=True)
        mover.start()
        assert reached.wait(10)
        place.lane.cut()
        go_on.set()
        mover.join(10)
        place.lane.close()
    assert [told(outcome) for outcome in outcomes] == ["the connection was cut"]
    assert received == [b""]


def test_a_lane_that_was_cut_carries_the_next_part(place: Place) -> None:
    with TinyServer(take_part) as server:
        place.lane.cut()
        assert place.send(server.url) == '"etag"'
        place.lane.cut()
        assert place.send(server.url) == '"etag"'
        place.lane.close()


# What has moved


def test_bytes_that_wait_in_the_kernel_have_not_moved(impatient: Place) -> None:
    def script(visitor: Visitor) -> None:
        visitor.head()
        visitor.body(1_000_000)
        visitor.wait()

    with TinyServer(script) as server:
        impatient.send(server.url)
        unsent = LARGE - impatient.lane.moved_bytes
    assert 0 < unsent < LARGE - 1_000_000


def test_moved_bytes_never_exceed_what_was_sent(place: Place) -> None:
    seen, over = [0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.append(place.lane.moved_bytes)

    def script(visitor: Visitor) -> None:
        visitor.body(_length(visitor.head()))
        visitor.answer("200 OK", "ETag: x", "Connection: close")

    watcher = threading.Thread(target=watch)
    with TinyServer(script) as server:
        watcher.start()
        for _ in range(100):
            place.send(server.url)
        over.set()
        watcher.join()
    assert max(seen) <= 100 * len(BODY) == place.lane.moved_bytes


class Doorkeeper:
    """Lets so many bytes pass at a time, and remembers them."""

    slice_bytes = 3000

    def __init__(self) -> None:
        self.passed: list[int] = []

    def wait(self, size_bytes: int) -> None:
        self.passed.append(size_bytes)


@BOTH
def test_a_throttle_is_asked_before_every_slice(place: Place, move: Callable[..., object]) -> None:
    doorkeeper = Doorkeeper()
    place.lane = Lane(cast("Any", doorkeeper))
    with TinyServer(take_part if move is Place.send else give_range) as server:
        assert not isinstance(move(place, server.url), Failure)
        place.lane.close()
    assert max(doorkeeper.passed) == 3000
    assert sum(doorkeeper.passed) >= len(BODY)


# Proxies


def test_a_request_goes_through_the_proxy_of_the_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[str] = []

    def script(visitor: Visitor) -> None:
        heads.append(head := visitor.head())
        visitor.body(_length(head))
        visitor.answer("200 OK", "ETag: x")

    with TinyServer(script) as server:
        monkeypatch.setenv("http_proxy", server.url.replace("//", "//user:p%40ss@"))
        assert place.send("http://store.invalid") == "x"
        place.lane.close()
    assert heads[0].startswith(f"PUT http://store.invalid{SECRET} HTTP/1.1\r\nHost: store.invalid\r\n")
    assert _header(heads[0], "Proxy-Authorization") == "Basic dXNlcjpwQHNz"


def test_a_proxy_may_be_named_without_a_scheme(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with TinyServer(take_part) as server:
        monkeypatch.setenv("http_proxy", server.url.removeprefix("http://"))
        assert place.send("http://store.invalid") == '"etag"'
        place.lane.close()


def test_a_host_that_needs_no_proxy_is_reached_directly(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with TinyServer(take_part) as server:
        assert place.send(server.url) == '"etag"'
        place.lane.close()


@BOTH
def test_tls_goes_through_a_tunnel(
    place: Place, authority: Authority, monkeypatch: pytest.MonkeyPatch, move: Callable[..., object]
) -> None:
    script = take_part if move is Place.send else give_range
    with TinyServer(script, tls=authority.server_context()) as server, ConnectProxy() as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url.replace("//", "//user:pass@"))
        assert not isinstance(move(place, server.url), Failure)
        place.lane.close()
    assert tunnel.heads[0].startswith(f"CONNECT {server.url.removeprefix('https://')} HTTP/1.")
    assert _header(tunnel.heads[0], "Proxy-Authorization") == "Basic dXNlcjpwYXNz"
    assert "secret" not in tunnel.heads[0]


def test_a_proxy_that_refuses_is_told(
    place: Place, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ConnectProxy(refuse="407 Proxy Authentication Required") as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url)
        failure = place.send("https://store.invalid")
    assert told(failure) == "Tunnel connection failed: 407 Proxy Authentication Required"


# TLS


@BOTH
def test_a_private_authority_is_trusted_by_its_file(
    place: Place, authority: Authority, move: Callable[..., object]
) -> None:
    script = take_part if move is Place.send else give_range
    with TinyServer(script, tls=authority.server_context()) as server:
        for _ in range(2):
            place.so_far = RangeSoFar()
            assert not isinstance(move(place, server.url), Failure)
        assert server.connections == 1
        assert place.lane.moved_bytes == 2 * len(BODY)
        place.lane.close()


def test_a_certificate_that_is_not_trusted_is_told_at_once(
    place: Place, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    http_connection._tls_context.cache_clear()
    with TinyServer(take_part, tls=authority.server_context()) as server:
        failure = place.send(server.url)
    assert told(failure) == "the TLS certificate was not accepted"
    assert isinstance(failure, Failure)
    assert failure.hopeless


def test_a_plain_server_behind_an_https_address_is_told(place: Place, proxy: FaultProxy) -> None:
    assert told(place.send(proxy.url.replace("http:", "https:"))) == "the TLS certificate was not accepted"
