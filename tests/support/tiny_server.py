"""A server on a bare socket: every connection is given to the next script, which says what it likes."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Script = Callable[["Visitor"], None]


class Visitor:
    """One connection, seen from the server; `left` is set when the server is about to end."""

    def __init__(self, sock: socket.socket, left: threading.Event) -> None:
        self.sock = sock
        self.left = left
        self._reader = sock.makefile("rb")

    def head(self) -> str:
        """Read the request line and the headers; nothing once the client has left."""
        lines = []
        while (line := self._reader.readline()).strip():
            lines.append(line)
        return b"".join(lines).decode()

    def body(self, length: int) -> bytes:
        """Read so much of a body, or what there is until its end."""
        return self._reader.read(length)

    def say(self, text: str, body: bytes = b"") -> None:
        """Send lines, each of which ends with a line feed, and a body."""
        self.sock.sendall(text.replace("\n", "\r\n").encode() + body)

    def answer(self, status: str, *headers: str, body: bytes = b"") -> None:
        """Send a whole reply."""
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
        self.say("\n".join(lines), body)

    def drain(self) -> int:
        """Read whatever still comes, and return how much that was."""
        count = 0
        with suppress(OSError):
            while data := self._reader.read1(65536):
                count += len(data)
        return count

    def wait(self) -> None:
        """Say and read nothing until the server ends."""
        self.left.wait()


class TinyServer:
    """Listens on a loopback port for as long as the context is open.

    Args:
        scripts: one for each connection, the last one for all that follow, too.
        tls: speaks TLS with this certificate.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._left = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.connections = 0
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                script = self._scripts[min(self.connections, len(self._scripts) - 1)]
                self.connections += 1
                self._start(self._serve, sock, script)

    def _serve(self, sock: socket.socket, script: Script) -> None:
        with ExitStack() as open_sockets, suppress(OSError):
            open_sockets.enter_context(sock)
            if self._tls:
                sock = open_sockets.enter_context(self._tls.wrap_socket(sock, server_side=True))
            self._sockets.append(sock)
            if self._left.is_set():
                return
            visitor = Visitor(sock, self._left)
            script(visitor)
            visitor._reader.close()
