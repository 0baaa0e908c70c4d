"""Adapter: one data channel: what may be sent at once, and who is told what comes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import PeerLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiortc import RTCDataChannel

WATERMARK_BYTES = 64 * 1024
"""More in the queue moves nothing faster, and everything on the other channels would wait behind it."""
_LOW_BYTES = WATERMARK_BYTES // 2
_MOST_UNHEARD = 256


class Channel:
    """A data channel of a session, before and after it is open.

    Args:
        label: its name.
        peer_id: at the other end.
    """

    def __init__(self, label: str, peer_id: str) -> None:
        self.label = label
        self.opened = asyncio.Event()
        self._peer_id = peer_id
        self._channel: RTCDataChannel | None = None
        self._why_ended = ""
        self._room = asyncio.Event()
        self._listener: Callable[[str | bytes], None] | None = None
        # A peer may speak before anybody listens.
        self._unheard: deque[str | bytes] = deque(maxlen=_MOST_UNHEARD)

    def bind(self, channel: RTCDataChannel) -> None:
        """Take the engine's channel."""
        self._channel = channel
        channel.bufferedAmountLowThreshold = _LOW_BYTES
        channel.on("bufferedamountlow", self._room.set)
        channel.on("open", self.opened.set)
        if channel.readyState == "open":
            self.opened.set()

    @property
    def has_listener(self) -> bool:
        """Whether somebody listens."""
        return self._listener is not None

    def listen(self, listener: Callable[[str | bytes], None]) -> None:
        """Have everything that comes told to `listener`, which must not block."""
        self._listener = listener
        while self._unheard:
            listener(self._unheard.popleft())

    def heard(self, message: str | bytes) -> None:
        """Take what came."""
        if self._listener is None:
            self._unheard.append(message)
        else:
            self._listener(message)

    def send(self, message: str | bytes) -> None:
        """Put a message into the queue.

        Raises:
            PeerLost: the session has ended.
        """
        if self._channel is None or self._why_ended or self._channel.readyState != "open":
            raise PeerLost(peer=self._peer_id, why=self._why_ended or f"{self.label} is not open")
        self._channel.send(message)

    @property
    def queued_bytes(self) -> int:
        """What the queue holds."""
        return self._channel.bufferedAmount if self._channel is not None else 0

    async def writable(self) -> None:
        """Wait until the queue is short.

        Raises:
            PeerLost: the session has ended.
        """
        while self.queued_bytes >= WATERMARK_BYTES and not self._why_ended:
            self._room.clear()
            await self._room.wait()
        if self._why_ended:
            raise PeerLost(peer=self._peer_id, why=self._why_ended)

    def end(self, why: str) -> None:
        """Let whoever waits or sends know that the session has ended."""
        self._why_ended = why
        self._room.set()
