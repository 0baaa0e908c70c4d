"""A proxy that opens tunnels (CONNECT) and remembers who asked for them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from support.tiny_server import TinyServer

if TYPE_CHECKING:
    from support.tiny_server import Visitor


class ConnectProxy(TinyServer):
    """Listens on a loopback port for as long as the context is open.

    Args:
        refuse: a status line to answer with instead of opening a tunnel.
    """

    def __init__(self, refuse: str | None = None) -> None:
        super().__init__(self._tunnel)
        self.heads: list[str] = []
        self._refuse = refuse

    def _tunnel(self, visitor: Visitor) -> None:
        self.heads.append(head := visitor.head())
        if self._refuse:
            visitor.answer(self._refuse)
            return
        host, _, port = head.split()[1].rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            visitor.say("HTTP/1.1 200 Connection established\n\n")
            back = threading.Thread(target=_pump, args=(far, visitor.sock), daemon=True)
            back.start()
            _pump(visitor.sock, far)
            back.join(10)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
