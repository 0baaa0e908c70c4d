"""Adapter: a TCP proxy between the tools and the store: it counts bodies, keeps rates and strikes as told.

It reads HTTP only as far as it must to know where a body begins and ends; heads pass unchanged, so signatures
hold. A body counts as offered as its bytes arrive here, whether or not the store ever sees them.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pacing import Pace
from traffic import Exchange, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strikes import Strike

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
_CHUNK_BYTES = 256 * 1024
# Above this the kernel would hide from the sender how slow the link is.
_PACED_CHUNK_BYTES = 32 * 1024
_PACED_BUFFER_BYTES = 128 * 1024


@dataclass
class Behaviour:
    """What the link does.

    Attributes:
        script: says how a request is struck, if it is.
        dead: while true, bodies that are on their way to the store are cut.
        connection_bytes_s: the rate of each connection.
        shared: the rate of all together.
        returned: the rate of all bodies of replies together.
    """

    script: Callable[[Exchange], Strike | None] = lambda _: None
    dead: Callable[[], bool] = lambda: False
    connection_bytes_s: float | None = None
    shared: Pace | None = None
    returned: Pace | None = None


class Link:
    """Listens on a loopback port for as long as the context is open."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.behaviour = Behaviour()
        self.traffic = Traffic()
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Passage)
        self._server.link = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def behave(self, behaviour: Behaviour) -> Traffic:
        """Begin anew with this behaviour; return what will be counted."""
        with self.lock:
            self.behaviour, self.traffic = behaviour, Traffic()
        return self.traffic

    def wait_until_idle(self, longest_s: float = 60) -> None:
        """Wait until what a killed process had sent has arrived."""
        deadline = time.monotonic() + longest_s
        while self.traffic.busy and time.monotonic() < deadline:
            time.sleep(0.01)


class _Server(ThreadingHTTPServer):
    link: Link
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what this proxy is for."""

    def shutdown_request(self, request: Any) -> None:
        """Close without the orderly farewell, so that a reset is a reset."""
        self.close_request(request)


class Passage(BaseHTTPRequestHandler):
    """One client's connection, and the request that is on its way."""

    protocol_version = "HTTP/1.1"
    rbufsize = _CHUNK_BYTES
    server: _Server

    def setup(self) -> None:
        """Take the rates that hold for this connection."""
        link = self.server.link
        rate = link.behaviour.connection_bytes_s
        self.paces = [pace for pace in (Pace(rate) if rate else None, link.behaviour.shared) if pace]
        if self.paces:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PACED_BUFFER_BYTES)
        self.chunk_bytes = _PACED_CHUNK_BYTES if self.paces else _CHUNK_BYTES
        self.upstream = http.client.HTTPConnection(link.upstream, timeout=120)
        super().setup()

    def finish(self) -> None:
        """Let go of the store as well."""
        self.upstream.close()
        super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle_expect_100(self) -> bool:
        """Leave it to `body`: a request that is refused gets no go-ahead."""
        return True

    def _serve(self) -> None:
        link = self.server.link
        length = int(self.headers.get("Content-Length", 0))
        self.exchange = Exchange(self.command, self.path, length, time.monotonic())
        with link.lock:
            self.traffic = link.traffic
            self.traffic.exchanges.append(self.exchange)
            if self.exchange.is_body:
                self.traffic.busiest = max(self.traffic.busiest, self.traffic.busy)
        try:
            strike = link.behaviour.script(self.exchange)
            if strike is None:
                self.forward()
            else:
                strike.hit(self)
        except (OSError, http.client.HTTPException):
            self.cut()
        finally:
            self.exchange.ended_s = time.monotonic()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def forward(self) -> None:
        """Pass the request on and the reply back."""
        self.send_on(self.exchange.length)
        self.pass_back(self.upstream.getresponse())

    def body(self, most_bytes: int, *, welcome: bool = True) -> Iterator[bytes]:
        """Yield what arrives of the body, counted and paced; `welcome` gives a go-ahead that is asked for."""
        if welcome and self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        left = most_bytes
        while left:
            piece = self.rfile.read1(min(left, self.chunk_bytes))
            if not piece:
                raise ConnectionError("the client went away")
            left -= len(piece)
            self.exchange.offered_bytes += len(piece)
            self.traffic.arrivals.append((time.monotonic(), len(piece) if self.exchange.is_body else 0))
            for pace in self.paces:
                pace.wait(len(piece))
            yield piece

    def send_on(self, most_bytes: int) -> None:
        """Send the head and so much of the body to the store."""
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP or name.lower() == "content-length":
                self.upstream.putheader(name, value)
        self.upstream.endheaders()
        for piece in self.body(most_bytes):
            if self.server.link.behaviour.dead():
                raise ConnectionResetError
            self.upstream.send(piece)

    def pass_back(self, reply: http.client.HTTPResponse, *, half: bool = False) -> None:
        """Answer with the store's reply, or with its head and half of its body."""
        whole = reply.read() if half or (reply.length is None and self.command != "HEAD") else None
        length = int(reply.headers.get("Content-Length", 0)) if whole is None else len(whole)
        kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _HOP_BY_HOP]
        self.head(reply.status, [*kept, ("Content-Length", str(length))])
        if whole is not None:
            self.wfile.write(whole[: length // 2] if half else whole)
            return
        pace = self.server.link.behaviour.returned
        while piece := reply.read(_PACED_CHUNK_BYTES if pace else _CHUNK_BYTES):
            if pace:
                pace.wait(len(piece))
            self.wfile.write(piece)
            self.traffic.returns.append((time.monotonic(), len(piece)))

    def head(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a reply."""
        self.exchange.status = status
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection on both sides."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.upstream.close()
        self.close_connection = True
