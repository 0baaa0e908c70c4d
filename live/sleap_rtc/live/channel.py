"""Adapter: one data channel: what may be sent at once, and who is told what comes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.send_window import SendWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiortc import RTCDataChannel

WATERMARK_BYTES = 32 * 1024
"""More in the queue moves nothing faster, and everything on the other channels would wait behind it."""
_LOW_BYTES = WATERMARK_BYTES // 2
_LOOK_EVERY_S = 0.002
_MOST_UNHEARD = 256


class Channel:
    """A data channel of a session, before and after it is open.

    Args:
        label: its name.
        peer_id: at the other end.
        paced: whether no more may be under way than lets the other channels through.
    """

    def __init__(self, label: str, peer_id: str, *, paced: bool = False) -> None:
        self.label = label
        self.opened = asyncio.Event()
        self._peer_id = peer_id
        self._channel: RTCDataChannel | None = None
        self._why_ended = ""
        self._room = asyncio.Event()
        self._window = SendWindow() if paced else None
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
        """Wait until the queue is short and, on a paced channel, enough has arrived of what was sent.

        Raises:
            PeerLost: the session has ended.
        """
        while not self._why_ended:
            if self.queued_bytes >= WATERMARK_BYTES:
                self._room.clear()
                await self._room.wait()
            elif self._is_window_full():
                # What arrives is told by no event of the engine.
                await asyncio.sleep(_LOOK_EVERY_S)
            else:
                return
        raise PeerLost(peer=self._peer_id, why=self._why_ended)

    def _is_window_full(self) -> bool:
        if self._channel is None or self._window is None:
            return False
        # Neither what is under way nor how long it takes is told by a public name of aiortc.
        sctp = self._channel.transport
        under_way = sctp._flight_size + self.queued_bytes
        if under_way >= self._window.bytes and sctp._srtt is not None:
            self._window.measured(sctp._srtt, asyncio.get_running_loop().time())
        return under_way >= self._window.bytes

    def end(self, why: str) -> None:
        """Let whoever waits or sends know that the session has ended."""
        self._why_ended = why
        self._room.set()
