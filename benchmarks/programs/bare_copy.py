"""Adapter: the least that bytes cost: bare_copy.py upload|download FILE REQUESTS.

REQUESTS is a JSON file: [[url, offset, length], ...]. One socket, one request after the other, each byte
through CRC64NVME once: sendfile towards the store, recv_into and pwrite from it. Nothing is retried.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from awscrt import checksums

direction, file, requests = sys.argv[1:]
with open(requests) as listed:  # noqa: PTH123 - pathlib would count as start-up
    wanted = json.load(listed)
buffer = bytearray(256 * 1024)
view = memoryview(buffer)
host, _, port = wanted[0][0].split("/")[2].partition(":")
store = socket.create_connection((host, int(port)))
crc = 0


def ask(method: str, url: str, header: str) -> None:
    """Send a request's head."""
    target = url.split("/", 3)[3]
    store.sendall(f"{method} /{target} HTTP/1.1\r\nHost: {host}:{port}\r\n{header}\r\n\r\n".encode())


def reply() -> bytes:
    """Read a reply's head and return what of the body came with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = store.recv(4096)
        if not piece:
            raise SystemExit("the store closed the connection")
        head += piece
    head, _, rest = head.partition(b"\r\n\r\n")
    if head.split()[1] not in {b"200", b"206"}:
        raise SystemExit(head.decode())
    return rest


if direction == "upload":
    source = os.open(file, os.O_RDONLY)
    for url, offset, length in wanted:
        ask("PUT", url, f"Content-Length: {length}")
        end = offset + length
        for start in range(offset, end, len(buffer)):
            got = os.preadv(source, [view[: min(len(buffer), end - start)]], start)
            crc = checksums.crc64nvme(view[:got], crc)
            place = start
            while place < start + got:
                place += os.sendfile(store.fileno(), source, place, start + got - place)
        reply()
else:
    target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for url, offset, length in wanted:
        ask("GET", url, f"Range: bytes={offset}-{offset + length - 1}")
        rest = reply()
        crc = checksums.crc64nvme(rest, crc)
        place = offset + os.pwrite(target, rest, offset)
        while place < offset + length:
            got = store.recv_into(view)
            crc = checksums.crc64nvme(view[:got], crc)
            place += os.pwrite(target, view[:got], place)
print(crc)
