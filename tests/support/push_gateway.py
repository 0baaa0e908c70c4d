"""A Pushgateway as far as a pusher sees it: takes a PUT of a group, slowly or not at all if told so."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class PushGateway:
    """What was pushed, by the path of its group; `status` is what it answers, `held` whether it answers."""

    def __init__(self) -> None:
        self.groups: dict[str, str] = {}
        self.status = 200
        self.held = threading.Event()
        self.held.set()
        self.pushes = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def text(self) -> str:
        """Everything that was pushed last, group by group."""
        return "\n".join(self.groups.values())

    @contextmanager
    def running(self) -> Iterator[PushGateway]:
        """Serve while the block runs."""
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                gateway.pushes += 1
                gateway.held.wait(30)
                if gateway.status < 300:
                    gateway.groups[self.path] = body
                self.send_response(gateway.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.held.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
