"""A small load balancer: each request goes to the next instance of the service that is there.

It does what balancers do. An instance that does not answer its health check gets no new requests; one that
cannot be connected to is passed over; where a connection breaks after the request was sent, the client is
told 502. Bodies of answers are passed on as they come, and a WebSocket is a tunnel.
"""

from __future__ import annotations

import http.client
import itertools
import select
import socket
import threading
from collections import Counter
from contextlib import closing, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from sleap_rtc.local.engine import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_EVERY_S = 0.3
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class RoundRobin:
    """Listens on a loopback port for as long as the context is open.

    Attributes:
        served: how many requests each instance answered, by its address.
        broken: the lines of the requests that were answered with 502 or 503 by the balancer itself.
    """

    def __init__(self, *upstreams: str) -> None:
        self.served: Counter[str] = Counter()
        self.broken: list[str] = []
        self._upstreams = list(upstreams)
        self._unready: set[str] = set()
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.balancer = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address to use in place of an instance's."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    @property
    def answered(self) -> int:
        """How many requests were answered by any instance."""
        return sum(self.served.values())

    def add(self, upstream: str) -> None:
        """Send requests to another instance, too."""
        with self._lock:
            self._upstreams.append(upstream)

    def under_way(self, upstream: str, ending: str) -> int:
        """Return how many requests an instance has not answered whose path ends so."""
        with self._lock:
            return sum(
                n for (at, path), n in self._under_way.items() if at == upstream and path.endswith(ending)
            )

    def looks_at(self, upstream: str) -> bool:
        """Return whether new requests go to an instance."""
        return upstream in self._upstreams and upstream not in self._unready

    def in_turn(self) -> list[str]:
        """Return where the next request may go: the instances that are ready, else all."""
        with self._lock:
            there = [each for each in self._upstreams if each not in self._unready] or self._upstreams
            first = next(self._turn) % len(there)
            return there[first:] + there[:first]

    def begun(self, upstream: str, path: str, count: int) -> None:
        """Note that a request is with an instance, or (with -1) that it no longer is."""
        with self._lock:
            self._under_way[upstream, path] += count

    def _look(self) -> None:
        while not self._closed.wait(_LOOK_EVERY_S):
            for upstream in list(self._upstreams):
                if _is_ready(upstream):
                    self._unready.discard(upstream)
                else:
                    self._unready.add(upstream)


def _is_ready(upstream: str) -> bool:
    try:
        with closing(http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=5)) as connection:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


class _Server(ThreadingHTTPServer):
    balancer: RoundRobin
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        balancer, path = self.server.balancer, urlsplit(self.path).path
        for upstream in balancer.in_turn():
            try:
                opened = socket.create_connection((urlsplit(upstream).hostname, urlsplit(upstream).port), 5)
            except OSError:
                continue
            balancer.begun(upstream, path, 1)
            try:
                with opened:
                    self._pass_on(upstream, opened, body)
            finally:
                balancer.begun(upstream, path, -1)
            return
        self._fail(HTTPStatus.SERVICE_UNAVAILABLE)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - http.server's names

    def _pass_on(self, upstream: str, opened: socket.socket, body: bytes) -> None:
        opened.settimeout(60)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._tunnel(opened)
            return
        connection = http.client.HTTPConnection(urlsplit(upstream).netloc)
        connection.sock = opened
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            first = reply.read1() if reply.chunked else reply.read()
        except (OSError, http.client.HTTPException):
            self._fail(HTTPStatus.BAD_GATEWAY)
            return
        self.server.balancer.served[upstream] += 1
        self._answer(reply, first)

    def _answer(self, reply: http.client.HTTPResponse, first: bytes) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if not reply.chunked:
            self.send_header("Content-Length", str(len(first)))
            self.end_headers()
            self.wfile.write(first)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in itertools.chain([first], _pieces(reply)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b"0\r\n\r\n")

    def _tunnel(self, opened: socket.socket) -> None:
        head = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        opened.sendall("\r\n".join(head).encode("latin-1"))
        self.close_connection = True
        others = {opened: self.connection, self.connection: opened}
        with suppress(OSError):
            while True:
                for ready in select.select([*others], [], [], 60)[0]:
                    told = ready.recv(1 << 16)
                    if not told:
                        return
                    others[ready].sendall(told)

    def _fail(self, status: HTTPStatus) -> None:
        self.server.balancer.broken.append(f"{status.value} {self.requestline}")
        self.close_connection = True
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _pieces(reply: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield what comes, and an empty piece at an orderly end."""
    while piece := reply.read1():
        yield piece
    yield b""
