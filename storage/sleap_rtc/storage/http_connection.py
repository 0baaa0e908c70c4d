"""Adapter: one HTTP/1.1 connection on a blocking socket, for bodies that are files.

    head ──► [100 Continue?] ──► body, by sendfile where the connection is plain ──► reply

The standard library's client would read a body into memory piece by piece; here the kernel moves it from the
page cache to the socket, which costs a third of the CPU. Its parser still reads the replies.
Certificates are those that OpenSSL trusts (`SSL_CERT_FILE` names others).
"""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import ssl
import struct
import sys
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from sleap_rtc.storage.environment_proxy import proxy_authorization, proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

CONNECT_S = 10.0
# A connection on which no byte moves for so long is given up and replaced.
STALL_S = 15.0
# How long to wait for an invitation before the body is sent without one (RFC 9110, section 10.1.1).
_INVITATION_S = 3.0
_SEND_BYTES = 1024 * 1024
_SLICE_BYTES = 256 * 1024
# Where the kernel does not tell what it still holds, it is given little to hold.
_BLIND_BUFFER_BYTES = 512 * 1024
_PORTS = {"http": 80, "https": 443}
_KERNEL_TELLS = sys.platform == "linux"
# Windows has select alone.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class HttpConnection:
    """A connection to the host of a URL, directly or through a proxy.

    Args:
        origin: the URL.
        stall_s: how long no byte may move.

    Raises:
        OSError: it could not be made.
    """

    def __init__(self, origin: SplitResult, stall_s: float = STALL_S) -> None:
        self._stall_s = stall_s
        self._host = origin.netloc.rpartition("@")[2]
        self._absolute = ""
        self._proxy_headers: dict[str, str] = {}
        self.tls = origin.scheme == "https"
        self.sock = self._connect(origin)
        self.sock.settimeout(stall_s)
        if not _KERNEL_TELLS:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BLIND_BUFFER_BYTES)
        self.moved_bytes = 0
        self.answered_at = 0.0
        """When the head of the last answer was here, by the monotonic clock."""
        self._wakes_at = 1

    def _connect(self, origin: SplitResult) -> socket.socket:
        host = origin.hostname or ""
        port = origin.port or _PORTS[origin.scheme]
        proxy = proxy_for(origin.scheme, host)
        near = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        headers = proxy_authorization(proxy) if proxy else {}
        connection = (
            http.client.HTTPSConnection(*near, timeout=CONNECT_S, context=_tls_context())
            if self.tls
            else http.client.HTTPConnection(*near, timeout=CONNECT_S)
        )
        if proxy and self.tls:
            connection.set_tunnel(host, port, headers)
        elif proxy:
            self._absolute, self._proxy_headers = f"http://{self._host}", headers
        connection.connect()
        return connection.sock

    def send_head(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        """Send the request line and the headers; `target` is path and query."""
        lines = [f"{method} {self._absolute}{target} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in {**headers, **self._proxy_headers}.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))

    def invited(self, reply: http.client.HTTPResponse) -> bool:
        """Wait for the answer to `Expect: 100-continue`; False if it came without the body."""
        if not self._answered(reply, _INVITATION_S):
            return True
        if not reply.fp.peek(12).startswith(b"HTTP/1.1 100"):
            return False
        while reply.fp.readline().strip():
            pass
        return True

    def send_file(
        self,
        reply: http.client.HTTPResponse,
        file: BinaryIO,
        offset: int,
        length: int,
        before: Callable[[int], int] | None = None,
    ) -> bool:
        """Send a slice of a file as the body; False if the other side answered before it had all of it.

        Args:
            reply: the answer to come.
            file: opened without a buffer of its own.
            offset: where the slice begins, in bytes.
            length: how long it is.
            before: called with the bytes that are wanted before each send; returns how many may go now.

        Raises:
            EOFError: the file is shorter than it was.
            OSError: the connection was cut or stands still.
        """
        whole = not self.tls and hasattr(os, "sendfile")
        buffer = memoryview(b"" if whole else bytearray(_SLICE_BYTES))
        place, end, allowed = offset, offset + length, 0
        while place < end:
            if self._answered(reply, 0):
                return False  # an answer before the body's end is a refusal
            if not allowed:
                wanted = min(_SEND_BYTES if whole else _SLICE_BYTES, end - place)
                allowed = before(wanted) if before else wanted
            if whole:
                sent = self._sendfile(file, place, allowed)
                if sent is None:
                    return False
            else:
                file.seek(place)
                sent = file.readinto(buffer[:allowed])  # type: ignore[attr-defined] # a raw file
                self._send_all(buffer[:sent])
            if sent == 0:
                raise EOFError
            place += sent
            allowed -= sent
            self.moved_bytes += sent
        return True

    def _sendfile(self, file: BinaryIO, place: int, length: int) -> int | None:
        while True:
            try:
                return os.sendfile(self.sock.fileno(), file.fileno(), place, length)
            except BlockingIOError:
                ready = self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE, self._stall_s)
                if not ready:
                    raise TimeoutError from None
                if ready & selectors.EVENT_READ:
                    return None

    def _send_all(self, data: memoryview) -> None:
        while data:  # sendall would give all of it one time limit, however slow the link is
            data = data[self.sock.send(data) :]

    def reply(self) -> http.client.HTTPResponse:
        """Return the answer to come; nothing of it is read."""
        return http.client.HTTPResponse(self.sock)

    def await_reply(self, reply: http.client.HTTPResponse) -> None:
        """Wait for an answer and read its headers.

        A body that the kernel still holds must keep moving; once all of it is out, the store may think for
        a while before it answers.

        Raises:
            OSError: no byte moved for too long, or the connection was cut.
        """
        held = self.unacknowledged_bytes()
        thinking = False
        while not self._answered(reply, self._stall_s):
            before, held = held, self.unacknowledged_bytes()
            if held == before and (held or thinking):
                raise TimeoutError
            thinking = not held
        reply.begin()
        self.answered_at = time.monotonic()

    def unacknowledged_bytes(self) -> int:
        """Return how much of what was sent the other side has not yet acknowledged, 0 where nobody tells."""
        if not _KERNEL_TELLS:
            return 0
        import fcntl
        import termios

        try:
            answer = fcntl.ioctl(self.sock.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
        except (OSError, ValueError):  # it was closed meanwhile
            return 0
        return int(struct.unpack("i", answer)[0])

    def wake_at(self, count_bytes: int) -> None:
        """Have reads of a plain connection return when so many bytes are there, not at each packet."""
        if count_bytes != self._wakes_at and not self.tls and _KERNEL_TELLS:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count_bytes)
            self._wakes_at = count_bytes

    def usable(self) -> bool:
        """Tell whether another request may be sent: not if there are bytes or an end to be read."""
        return not self._readable(0)

    def cut(self) -> None:
        """End whatever is under way; may be called from another thread."""
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _answered(self, reply: http.client.HTTPResponse, timeout_s: float) -> bool:
        """Wait for an answer's first byte or the connection's end; what TLS says for itself is neither."""
        end = time.monotonic() + timeout_s
        while not self._peeked(reply):
            if not self._readable(max(0.0, end - time.monotonic())):
                return False
            if not self.tls:
                return True
        return True

    def _peeked(self, reply: http.client.HTTPResponse) -> bool:
        self.sock.settimeout(0)
        try:
            return bool(reply.fp.peek(1)) or self.tls  # without TLS, nothing may mean that nothing came yet
        except ssl.SSLWantReadError:
            return False
        finally:
            self.sock.settimeout(self._stall_s)

    def _readable(self, timeout_s: float) -> bool:
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        return bool(self._wait(selectors.EVENT_READ, timeout_s))

    def _wait(self, events: int, timeout_s: float) -> int:
        with _Selector() as selector:
            selector.register(self.sock, events)
            return sum(ready for _, ready in selector.select(timeout_s))


@lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()
