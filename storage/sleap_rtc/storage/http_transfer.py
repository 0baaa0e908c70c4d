"""Adapter: the bytes of one part or one range over HTTP.

Retrying is not done here: a failure is returned as a value for `retry.after` to judge.
"""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs, urlsplit

from sleap_rtc.storage.checksum import crc64nvme, to_header
from sleap_rtc.storage.retry import Failure
from sleap_rtc.storage.traffic import Called, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.storage.http_connection import HttpConnection
    from sleap_rtc.storage.lane import Lane
    from sleap_rtc.storage.part_plan import Part

_ERROR_TEXT_BYTES = 2048
_OPERATIONS = {"PUT": "UploadPart", "GET": "GetObject"}
_RECEIVE_BYTES = 1024 * 1024
# A slice that took longer than this did not come fast.
_SWIFT_S = 0.1


@dataclass(frozen=True)
class Reply:
    """What a store answered: status, headers and up to 2 KiB of the body."""

    status: int
    headers: HTTPMessage
    body: bytes


def put_part(
    lane: Lane, url: str, file: BinaryIO, part: Part, crc: int, *, careful: bool = False
) -> str | Failure:
    """Send one part; return its ETag, or why it failed.

    Args:
        lane: carries it.
        url: signed for exactly this part.
        file: opened without a buffer of its own.
        part: where the bytes lie.
        crc: their CRC64NVME, which was signed.
        careful: send the body only once the store has said that it wants it.

    Raises:
        EOFError: the file is shorter than it was.
    """
    headers = {
        "Content-Length": str(part.length),
        "Content-Type": "application/octet-stream",
        "x-amz-checksum-crc64nvme": to_header(crc),
        **({"Expect": "100-continue"} if careful else {}),
    }
    reply = _exchange(lane, "PUT", url, headers, lambda to: _send(lane, to, file, part, careful=careful))
    if isinstance(reply, Failure):
        return reply
    if reply.status != HTTPStatus.OK:
        return _failure(url, reply)
    if "ETag" not in reply.headers:
        return Failure(0, f"{urlsplit(url).netloc}: the reply is not from an object store")
    return reply.headers["ETag"]


def _send(lane: Lane, to: HttpConnection, file: BinaryIO, part: Part, *, careful: bool) -> Reply:
    with to.reply() as reply:
        if not careful or to.invited(reply):
            with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
                to.send_file(reply, file, part.offset, part.length, lane.allowed)
        to.await_reply(reply)  # what was refused in mid-body has one waiting; what was cut has none
        answer = Reply(reply.status, reply.headers, reply.read(_ERROR_TEXT_BYTES))
        if reply.status != HTTPStatus.OK or reply.will_close or not reply.isclosed():
            lane.close()
        return answer


@dataclass
class RangeSoFar:
    """What has arrived of a part, from all attempts: the next one goes on behind it."""

    length: int = 0
    crc: int = 0


def get_range(
    lane: Lane,
    url: str,
    etag: str,
    part: Part,
    size_bytes: int,
    so_far: RangeSoFar,
    write: Callable[[memoryview, int], None],
) -> Failure | None:
    """Read what is missing of one range of an object; None if it is whole.

    A reply that is from another range or version is a failure, one that is too short keeps what it brought.

    Args:
        lane: carries it.
        url: reads the object.
        etag: the version that is wanted.
        part: the range.
        size_bytes: of the whole object.
        so_far: is moved on with every slice that was written.
        write: puts a slice in its place in the file, whose offset in bytes it is given.
    """
    first, last = part.offset + so_far.length, part.offset + part.length - 1
    headers = {"Range": f"bytes={first}-{last}", "If-Match": etag}

    def receive(connection: HttpConnection) -> Reply:
        with connection.reply() as reply:
            connection.await_reply(reply)
            right = reply.headers.get("Content-Range") == f"bytes {first}-{last}/{size_bytes}"
            right = right and (reply.chunked or reply.length == last - first + 1)
            if reply.status != HTTPStatus.PARTIAL_CONTENT or not right:
                answer = Reply(reply.status, reply.headers, reply.read(_ERROR_TEXT_BYTES))
                lane.close()
                return answer
            _take_body(lane, connection, reply, part, so_far, write)
            return Reply(reply.status, reply.headers, b"")

    reply = _exchange(lane, "GET", url, headers, receive)
    if isinstance(reply, Failure):
        return reply
    if reply.status != HTTPStatus.PARTIAL_CONTENT:
        return _failure(url, reply)
    if so_far.length == part.length:
        return None
    lane.close()
    why = f"asked for bytes {first}-{last}, was sent something else"
    return Failure(0, f"{urlsplit(url).netloc}: {why}")


def _take_body(
    lane: Lane,
    connection: HttpConnection,
    reply: HTTPResponse,
    part: Part,
    so_far: RangeSoFar,
    write: Callable[[memoryview, int], None],
) -> None:
    buffer = memoryview(bytearray(_RECEIVE_BYTES))
    swift = False
    while so_far.length < part.length:
        left = part.length - so_far.length
        wanted = lane.allowed(min(_RECEIVE_BYTES, left))
        # Where bytes come fast, being woken for each packet would cost more than reading them; behind this
        # slice there has to be another, or the last bytes would be waited for in vain.
        connection.wake_at(wanted if swift and not reply.chunked and left >= 2 * wanted else 1)
        began = time.monotonic()
        read = reply.readinto(buffer[:wanted])
        swift = time.monotonic() - began < _SWIFT_S
        if not read:
            return
        piece = buffer[:read]
        write(piece, part.offset + so_far.length)
        so_far.crc = crc64nvme(piece, so_far.crc)
        so_far.length += read
        connection.moved_bytes += read
    if reply.will_close:
        lane.close()


def _exchange(
    lane: Lane,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Callable[[HttpConnection], Reply],
) -> Reply | Failure:
    """Carry one request and its answer; whatever the network does is a failure, and costs the connection."""
    address = urlsplit(url)
    try:
        connection = lane.connection(address)
    except ConnectionAbortedError as error:
        return Failure(0, socket_trouble(url, error))
    except OSError as error:
        distrusted = isinstance(error, ssl.SSLCertVerificationError)
        return Failure(0, socket_trouble(url, error), away=True, hopeless=distrusted)
    status, began = 0, time.monotonic()
    try:
        connection.send_head(method, f"{address.path}?{address.query}", headers)
        reply = body(connection)
        status = reply.status
        return reply
    except (OSError, HTTPException, ValueError) as error:
        lane.close()
        return Failure(0, socket_trouble(url, error))
    finally:
        seconds = max(connection.answered_at, began) - began if status else time.monotonic() - began
        lane.on_traffic(Called("s3", _OPERATIONS[method], outcome_of(status), seconds, address.path))


def socket_trouble(url: str, error: Exception) -> str:
    """Say what went wrong without the URL's query, which is a secret."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    kind = type(cause).__name__
    words = {
        "NewConnectionError": "connection refused",
        "ConnectionRefusedError": "connection refused",
        "NameResolutionError": "unknown host",
        "gaierror": "unknown host",
        "ConnectTimeoutError": "no answer within 10 s",
        "TimeoutError": "no byte for 15 s",
        "ReadTimeoutError": "no byte for 30 s",
        "ProtocolError": "the connection was cut",
        "IncompleteRead": "the connection was cut",
        "ConnectionResetError": "the connection was cut",
        "ConnectionAbortedError": "the connection was cut",
        "BrokenPipeError": "the connection was cut",
        "RemoteDisconnected": "the connection was cut",
        "SSLEOFError": "the connection was cut",
        "OSError": getattr(cause, "strerror", None) or str(cause),
        "SSLError": "the TLS certificate was not accepted",
        "SSLCertVerificationError": "the TLS certificate was not accepted",
    }
    return f"{urlsplit(url).netloc}: {words.get(kind, kind)}"


def _failure(url: str, reply: Reply) -> Failure:
    text = reply.body.decode("utf-8", "replace")
    code = text.partition("<Code>")[2].partition("</Code>")[0]
    message = text.partition("<Message>")[2].partition("</Message>")[0]
    asked = reply.headers.get("Retry-After", "")
    return Failure(
        reply.status,
        f"HTTP {reply.status} {code}: {message}" if code else f"HTTP {reply.status}",
        float(asked) if asked.isdigit() else 0.0,
        skew_s=_signer_skew_s(url, reply.headers.get("Date", "")),
    )


def _signer_skew_s(url: str, date: str) -> float:
    """Return by how much the clock that signed a URL is ahead of the store's, if the URL is a fresh one."""
    try:
        signed = datetime.strptime(parse_qs(urlsplit(url).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%S%z")
        return (signed - parsedate_to_datetime(date)).total_seconds()
    except (KeyError, ValueError, TypeError):
        return 0.0
