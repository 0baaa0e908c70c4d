"""A store that lets nobody in without a signature, as S3's public access block and bucket policy do.

The embedded engine takes requests that nobody signed, so this stands in front of it.
"""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@contextmanager
def gate(engine_url: str) -> Iterator[str]:
    """Return the address of an engine behind a gate."""
    engine = urlsplit(engine_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _through(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "X-Amz-Signature=" not in self.path and "Authorization" not in self.headers:
                self._answer(403, {"Content-Type": "application/xml"}, _DENIED)
                return
            connection = http.client.HTTPConnection(engine, timeout=60)
            try:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                reply = connection.getresponse()
                self._answer(reply.status, dict(reply.getheaders()), reply.read())
            finally:
                connection.close()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            length = str(len(body))
            for name, value in headers.items():
                if self.command == "HEAD" and name.lower() == "content-length":
                    length = value
                elif name.lower() not in _BY_HOP:
                    self.send_header(name, value)
            if status not in {204, 304}:
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _through  # noqa: N815 - the names of the base

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
