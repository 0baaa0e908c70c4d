"""Adapter: what the link can do to a request instead of passing it on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from link import Passage

_XML = ("Content-Type", "application/xml")


class Strike(Protocol):
    """One fault."""

    def hit(self, passage: Passage) -> None:
        """Do it to the request that is on its way."""


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>scripted</Message></Error>".encode()


@dataclass(frozen=True)
class Refuse:
    """Answer 503 SlowDown as soon as the head is there, as S3 does, then take in whatever is still sent."""

    def hit(self, passage: Passage) -> None:
        """Answer, then read until the client stops."""
        body = _error("SlowDown")
        passage.head(503, [_XML, ("Content-Length", str(len(body))), ("Connection", "close")])
        passage.wfile.write(body)
        asked_first = passage.headers.get("Expect", "").lower() == "100-continue"
        if not asked_first:
            for _ in passage.body(passage.exchange.length, welcome=False):
                pass
        passage.cut()


@dataclass(frozen=True)
class Reset:
    """Take so many bytes of the body, then reset the connection."""

    after_bytes: int = 0

    def hit(self, passage: Passage) -> None:
        """Read and reset."""
        for _ in passage.body(min(self.after_bytes, passage.exchange.length), welcome=self.after_bytes > 0):
            pass
        passage.cut(reset=True)


@dataclass(frozen=True)
class Swallow:
    """A blackhole: take the body in and never answer."""

    longest_s: float = 120.0

    def hit(self, passage: Passage) -> None:
        """Read, then keep silent until the client goes away."""
        for _ in passage.body(passage.exchange.length):
            pass
        passage.connection.settimeout(self.longest_s)
        with suppress(TimeoutError):
            passage.rfile.read1(1)
        passage.cut()


@dataclass(frozen=True)
class TruncateBody:
    """Pass half of the body on, then cut both connections."""

    def hit(self, passage: Passage) -> None:
        """Send half and cut."""
        passage.send_on(passage.exchange.length // 2)
        passage.cut()


@dataclass(frozen=True)
class TruncateReply:
    """Let the store do it, and pass half of its answer on."""

    def hit(self, passage: Passage) -> None:
        """Send all, answer half."""
        passage.send_on(passage.exchange.length)
        passage.pass_back(passage.upstream.getresponse(), half=True)
        passage.cut()


@dataclass(frozen=True)
class FalseSuccess:
    """Answer 200 with an error in the body, as S3 may when it completes an upload; nothing was done."""

    def hit(self, passage: Passage) -> None:
        """Read and answer."""
        for _ in passage.body(passage.exchange.length):
            pass
        body = _error("InternalError")
        passage.head(200, [_XML, ("Content-Length", str(len(body)))])
        passage.wfile.write(body)


@dataclass(frozen=True)
class LoseReply:
    """Let the store do it, then cut the connection instead of answering."""

    def hit(self, passage: Passage) -> None:
        """Send all and cut."""
        passage.send_on(passage.exchange.length)
        passage.upstream.getresponse().read()
        passage.cut()
