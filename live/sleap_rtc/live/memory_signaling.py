"""Adapter: signaling inside one process, for tests and for the parts of one program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sleap_rtc.live.signaling import Received

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.live.signaling import Signal


class MemoryExchange:
    """Rooms and the peers in them."""

    def __init__(self) -> None:
        self._peers: dict[tuple[str, str], MemorySignaling] = {}

    def join(self, room_id: str, peer_id: str) -> MemorySignaling:
        """Let a peer into a room."""
        peer = MemorySignaling(self, room_id, peer_id)
        self._peers[room_id, peer_id] = peer
        return peer

    def find(self, room_id: str, peer_id: str) -> MemorySignaling | None:
        """Return a peer of a room."""
        return self._peers.get((room_id, peer_id))


class MemorySignaling:
    """One peer's side."""

    def __init__(self, exchange: MemoryExchange, room_id: str, peer_id: str) -> None:
        self._exchange = exchange
        self._room_id = room_id
        self._peer_id = peer_id
        self._inbox: asyncio.Queue[Received | None] = asyncio.Queue()

    @property
    def peer_id(self) -> str:
        """Who we are."""
        return self._peer_id

    async def send(self, to_peer: str, signal: Signal) -> None:
        """Send a signal; to whoever is not in the room it is lost."""
        peer = self._exchange.find(self._room_id, to_peer)
        if peer is not None:
            peer._inbox.put_nowait(Received(self._peer_id, signal))

    async def receive(self) -> AsyncIterator[Received]:
        """Yield what comes until the signaling is closed."""
        while (received := await self._inbox.get()) is not None:
            yield received

    def close(self) -> None:
        """End what `receive` yields."""
        self._inbox.put_nowait(None)
