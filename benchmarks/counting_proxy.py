"""Adapter: an HTTP proxy in front of an engine that counts what is asked, by what AWS would bill."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from billing import Call, call

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_SIGNED_URL = "X-Amz-Signature="


class CountingProxy:
    """Listens on a loopback port while the context is open; heads pass unchanged, so signatures hold."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self._server = _Server(("127.0.0.1", 0), _Passage)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._own: Counter[Call] = Counter()
        self._by_url: Counter[Call] = Counter()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> tuple[Counter[Call], Counter[Call]]:
        """Return what was counted since the last time: with credentials, and over presigned URLs."""
        with self._lock:
            taken = self._own, self._by_url
            self._own, self._by_url = Counter(), Counter()
        return taken

    def note(self, target: str, made: Call) -> None:
        """Count a request."""
        with self._lock:
            (self._by_url if _SIGNED_URL in target else self._own)[made] += 1


class _Server(ThreadingHTTPServer):
    proxy: CountingProxy
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever is stopped in a long poll goes away."""


class _Passage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, reply = self._ask_upstream(body)
        named = {name.lower(): value for name, value in self.headers.items()}
        self.server.proxy.note(self.path, call(self.command, self.path, named, body, reply))
        self._answer(status, headers, reply)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _ask_upstream(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        with closing(http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)) as upstream:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            reply = upstream.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        self.send_response_only(status)
        for name, value in {**kept, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
