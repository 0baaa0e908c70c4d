"""Adapter: the bytes of one part or one range over HTTP, from blocking sockets.

Bodies are streamed in slices of 256 KiB from the file, so memory does not grow with the part. Retrying is
not done here: a failure is returned as a value for `retry.after` to judge.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import urlsplit

import urllib3

from sleap_rtc.storage.checksum import SLICE_BYTES, crc64nvme, to_header
from sleap_rtc.storage.retry import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.storage.part_plan import Part

_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_ERROR_TEXT_BYTES = 2048


def connection_pool(connections: int) -> urllib3.PoolManager:
    """Return a pool that keeps this many connections to a host."""
    return urllib3.PoolManager(
        maxsize=connections, blocksize=SLICE_BYTES, retries=False, timeout=_TIMEOUT, block=False
    )


class _Slice:
    """A part of a file that urllib3 reads like a file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, amount: int = -1) -> bytes:
        data = self._file.read(self._left if amount < 0 else min(amount, self._left))
        if self._left and not data:  # or the store would wait for the rest until one of us times out
            raise OSError("the file is shorter than it was")
        self._left -= len(data)
        return data


def put_part(pool: urllib3.PoolManager, url: str, path: Path, part: Part, crc: int) -> str | Failure:
    """Send one part; return its ETag, or why it failed.

    Raises:
        OSError: the file cannot be read.
    """
    headers = {
        "Content-Length": str(part.length),
        "Content-Type": "application/octet-stream",
        "x-amz-checksum-crc64nvme": to_header(crc),
    }
    with path.open("rb") as file:
        file.seek(part.offset)
        try:
            reply = pool.request(
                "PUT", url, body=cast("BinaryIO", _Slice(file, part.length)), headers=headers
            )
        except urllib3.exceptions.HTTPError as error:
            return Failure(0, socket_trouble(url, error))
    if reply.status != HTTPStatus.OK:
        return _failure(reply.status, reply.data, reply.headers.get("Retry-After"))
    if "ETag" not in reply.headers:
        return Failure(0, f"{urlsplit(url).netloc}: the reply is not from an object store")
    return str(reply.headers["ETag"])


def get_range(
    pool: urllib3.PoolManager, url: str, etag: str, path: Path, part: Part, size_bytes: int
) -> int | Failure:
    """Read one range of an object into its place in a file; return the CRC of what was written.

    A reply that is shorter than the range, or from another range or version, is a failure.

    Raises:
        OSError: the file cannot be written.
    """
    last = part.offset + part.length - 1
    headers = {"Range": f"bytes={part.offset}-{last}", "If-Match": etag}
    try:
        reply = pool.request("GET", url, headers=headers, preload_content=False)
    except urllib3.exceptions.HTTPError as error:
        return Failure(0, socket_trouble(url, error))
    try:
        if reply.status != HTTPStatus.PARTIAL_CONTENT:
            text = reply.read(_ERROR_TEXT_BYTES)
            return _failure(reply.status, text, reply.headers.get("Retry-After"))
        if reply.headers.get("Content-Range") != f"bytes {part.offset}-{last}/{size_bytes}":
            return Failure(0, f"asked for bytes {part.offset}-{last}, was sent something else")
        crc = written = 0
        with path.open("r+b") as file:
            file.seek(part.offset)
            for piece in reply.stream(SLICE_BYTES):
                written += len(piece)
                if written > part.length:
                    break
                file.write(piece)
                crc = crc64nvme(piece, crc)
        if written != part.length:
            return Failure(0, f"the reply had {written} bytes instead of {part.length}")
        return crc
    except urllib3.exceptions.HTTPError as error:
        return Failure(0, socket_trouble(url, error))
    finally:
        reply.release_conn()


def socket_trouble(url: str, error: Exception) -> str:
    """Say what went wrong without the URL's query, which is a secret."""
    cause = getattr(error, "reason", None) or error
    kind = type(cause).__name__
    words = {
        "NewConnectionError": "connection refused",
        "NameResolutionError": "unknown host",
        "ConnectTimeoutError": "no answer within 10 s",
        "ReadTimeoutError": "no byte for 30 s",
        "ProtocolError": "the connection was cut",
        "IncompleteRead": "the connection was cut",
        "SSLError": "the TLS certificate was not accepted",
    }
    return f"{urlsplit(url).netloc}: {words.get(kind, kind)}"


def _failure(status: int, body: bytes, retry_after: str | None) -> Failure:
    text = body[:_ERROR_TEXT_BYTES].decode("utf-8", "replace")
    code = text.partition("<Code>")[2].partition("</Code>")[0]
    message = text.partition("<Message>")[2].partition("</Message>")[0]
    delay = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    return Failure(status, f"HTTP {status} {code}: {message}" if code else f"HTTP {status}", delay)
