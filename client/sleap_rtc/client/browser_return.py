"""Adapter: a port of this machine that the browser comes back to after a sign-in (RFC 8252, 7.3)."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from sleap_rtc.client.sign_in_request import Declined, NotTheAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sleap_rtc.client.sign_in_request import SignInRequest

PATH = "/callback"
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>sleap-rtc</title>'
    '<body style="font-family:sans-serif;max-width:36em;margin:3em auto"><p>{}</p></body></html>'
)
_SIGNED_IN = "You are signed in. You can close this window and go back to the terminal."
_SAID_NO = "You are not signed in. The terminal says why."


class NoPortFree(Exception):
    """Each of the ports that the issuer sends people back to is in use."""


class BrowserReturn:
    """Waits for one answer."""

    def __init__(self, server: ThreadingHTTPServer, redirect_uri: str) -> None:
        self._server = server
        self.redirect_uri = redirect_uri
        self._came = threading.Event()
        self._request: SignInRequest | None = None
        self._code = ""
        self._declined: Declined | None = None

    def expect(self, request: SignInRequest) -> None:
        """Take the answer to this request from now on: a browser may be done before it returns to us."""
        self._request = request

    def code(self, within_s: float) -> str:
        """Return the code that the browser brings.

        Raises:
            Declined: the issuer says no.
            TimeoutError: nobody came.
        """
        if not self._came.wait(within_s):
            raise TimeoutError
        if self._declined is not None:
            raise self._declined
        return self._code

    def hear(self, path: str) -> str:
        """Take what a browser asks for and return what to tell people. Raises NotTheAnswer."""
        if self._request is None or self._came.is_set():
            raise NotTheAnswer
        try:
            self._code = self._request.code_in(path)
        except Declined as declined:
            self._declined = declined
        self._came.set()
        return _SAID_NO if self._declined else _SIGNED_IN


@contextmanager
def browser_return(ports: Sequence[int]) -> Iterator[BrowserReturn]:
    """Listen while the block runs, at the first of these ports that is free, or at any.

    Raises:
        NoPortFree: none of them is.
    """
    server = _server(ports)
    # An issuer that knows the port beforehand knows it by the name; else the name could lead elsewhere.
    host = "localhost" if ports else "127.0.0.1"
    back = BrowserReturn(server, f"http://{host}:{server.server_port}{PATH}")
    server.RequestHandlerClass = _handler(back)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="sign-in", daemon=True)
    thread.start()
    try:
        yield back
    finally:
        server.shutdown()
        server.server_close()


def _server(ports: Sequence[int]) -> ThreadingHTTPServer:
    for port in ports or (0,):
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)
        except OSError:
            continue
    raise NoPortFree


def _handler(back: BrowserReturn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            try:
                body, status = _PAGE.format(back.hear(self.path)).encode(), HTTPStatus.OK
            except NotTheAnswer:
                body, status = b"", HTTPStatus.NOT_FOUND
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args  # it would be the code

    return Handler
