"""A small HTTP proxy whose faults are scripted: each is given to the first requests that match it.

A request matches by its line, which reads `METHOD path?query range`, the last word being the Range header.
Requests that nothing is scripted for are passed on to the upstream untouched, Host header included, so that
signatures hold.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Reply:
    """Answer without asking the upstream, after something has happened."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Reset:
    """Take this many bytes of the request's body, then reset the connection."""

    after_bytes: int = 0


@dataclass(frozen=True)
class LoseReply:
    """Let the upstream do it, then cut the connection instead of answering."""


@dataclass(frozen=True)
class Truncate:
    """Pass the reply's headers on and this many bytes of its body, then cut the connection."""

    after_bytes: int


@dataclass(frozen=True)
class Corrupt:
    """Flip a bit of the request's body, or of the reply's where the request has none."""


@dataclass(frozen=True)
class First:
    """Do something (wait for an event, change a file), then pass the request on."""

    action: Callable[[], object]


Fault = Reply | Reset | LoseReply | Truncate | Corrupt | First


def s3_error(status: int, code: str, message: str = "") -> Reply:
    """Return a reply as S3 writes its errors."""
    return Reply(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


class FaultProxy:
    """Listens on a loopback port for as long as the context is open."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.lines: list[str] = []
        self._script: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address to use in place of the upstream's."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def script(self, pattern: str, *faults: Fault, times: int = 1) -> None:
        """Give each of these faults, in order and `times` times, to requests whose line holds `pattern`."""
        with self._lock:
            self._script.extend((pattern, fault) for fault in faults for _ in range(times))

    def count(self, pattern: str) -> int:
        """Return how many requests arrived whose line holds `pattern`."""
        return sum(re.search(pattern, line) is not None for line in self.lines)

    def take(self, line: str) -> Fault | None:
        """Note a request and return what is to happen to it."""
        with self._lock:
            self.lines.append(line)
            for place, (pattern, fault) in enumerate(self._script):
                if re.search(pattern, line):
                    del self._script[place]
                    return fault
        return None

    def stop_faults(self) -> None:
        """Drop what is scripted."""
        with self._lock:
            self._script.clear()

    def forget(self) -> None:
        """Drop what is scripted and what was seen."""
        self.stop_faults()
        self.lines.clear()


class _Server(ThreadingHTTPServer):
    proxy: FaultProxy
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what this proxy is for."""

    def shutdown_request(self, request: Any) -> None:
        """Close without the orderly farewell, so that a reset is a reset."""
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        fault = self.server.proxy.take(f"{self.command} {self.path} {self.headers.get('Range', '')}")
        length = int(self.headers.get("Content-Length", 0))
        if isinstance(fault, Reset):
            self.rfile.read(min(length, fault.after_bytes))
            self._cut(reset=True)
            return
        body = self.rfile.read(length)
        match fault:
            case Reply(status, reply, headers, after):
                after()
                self._answer(status, headers, reply)
                return
            case First(action):
                action()
            case Corrupt() if body:
                body = _flipped(body)
        status, headers, reply = self._ask_upstream(body)
        if isinstance(fault, LoseReply):
            self._cut()
            return
        if isinstance(fault, Corrupt) and not body:
            reply = _flipped(reply)
        self._answer(status, headers, reply, fault.after_bytes if isinstance(fault, Truncate) else None)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _ask_upstream(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        with closing(http.client.HTTPConnection(self.server.proxy.upstream, timeout=30)) as upstream:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            reply = upstream.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, cut: int | None = None) -> None:
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        self.send_response_only(status)
        for name, value in {**kept, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self._cut()

    def _cut(self, *, reset: bool = False) -> None:
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def _flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]
