"""Adapter: what one socket is still to be sent.

It is bounded: whoever does not read is let go, and blocks nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from sleap_rtc.live.signaling_messages import CloseCode

MOST_MESSAGES = 1024
MOST_CHARACTERS = 8 * 1024 * 1024
"""More than the welcome to a full room of talkative peers."""


class Socket(Protocol):
    """What a line needs of a WebSocket; both wait while the other side does not read."""

    async def send_text(self, data: str) -> None:
        """Send a text."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close the socket."""


@dataclass(frozen=True)
class _End:
    code: int
    reason: str


class Line:
    """The way to one peer.

    Args:
        read_within_s: how many seconds the peer has to make place for one more message.
    """

    def __init__(self, read_within_s: float) -> None:
        self._read_within_s = read_within_s
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._end: _End | None = None
        self._news = asyncio.Event()
        self.ended = asyncio.Event()

    def send(self, text: str) -> bool:
        """Put a text behind what is still to be sent; return whether the line takes it."""
        if self._end is not None:
            return False
        if len(self._waiting) >= MOST_MESSAGES or self._characters + len(text) > MOST_CHARACTERS:
            self._give_up()
            return False
        self._waiting.append(text)
        self._characters += len(text)
        self._news.set()
        return True

    def end(self, code: int, reason: str) -> None:
        """Close the socket behind what is still to be sent; the first reason holds."""
        self._end = self._end or _End(code, reason)
        self.ended.set()
        self._news.set()

    async def run(self, socket: Socket) -> None:
        """Send what comes until the line is ended."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                text = self._waiting.popleft()
                self._characters -= len(text)
                try:
                    async with asyncio.timeout(self._read_within_s):
                        await socket.send_text(text)
                except TimeoutError:
                    self._give_up()
                    return
            if self._end is not None:
                await socket.close(self._end.code, self._end.reason)
                return

    def _give_up(self) -> None:
        self._waiting.clear()
        self.end(CloseCode.TOO_SLOW, "too much is waiting to be read")
