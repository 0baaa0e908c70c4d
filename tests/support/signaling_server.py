"""A real WebSocket server that speaks as much of the signaling as a session needs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.peer_filters import matches
from sleap_rtc.live.signaling_messages import (
    DiscoverPeers,
    MetadataUpdated,
    PeerInfo,
    PeerList,
    PeerMessage,
    Register,
    RegisteredAuth,
    SignalError,
    UpdateMetadata,
    read_said,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from websockets.asyncio.server import ServerConnection

GOOD_TOKEN = "e30.eyJzdWIiOiJhZGEifQ.none"
"""Its subject is ada."""


class SignalingServer:
    """Rooms, the peers in them, and what they were told."""

    def __init__(self, ice_servers: Sequence[IceServer] = (IceServer(urls="stun:stun.test"),)) -> None:
        self.url = ""
        self.ice_servers = ice_servers
        self.registrations: list[Register] = []
        self._peers: dict[tuple[str, str], tuple[ServerConnection, Register]] = {}

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[SignalingServer]:
        """Listen while the block runs."""
        async with serve(self._talk, host, port) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://{host}:{port}/ws"
            yield self

    async def hang_up(self, code: int = 1012) -> None:
        """Close every connection."""
        await asyncio.gather(*(socket.close(code) for socket, _ in self._peers.values()))

    async def _talk(self, socket: ServerConnection) -> None:
        register = read_said(await socket.recv())
        assert isinstance(register, Register)
        self.registrations.append(register)
        if register.id_token != GOOD_TOKEN:
            await socket.send('{"error": "Invalid token"}')
            return
        place = (register.room_id, register.peer_id)
        self._peers[place] = (socket, register)
        await socket.send(self._welcome(register))
        try:
            async for text in socket:
                await self._hear(socket, register, text)
        except ConnectionClosed:
            pass
        finally:
            if self._peers.get(place, (None,))[0] is socket:
                del self._peers[place]

    def _welcome(self, register: Register) -> str:
        peer, room = register.peer_id, register.room_id
        return RegisteredAuth(room_id=room, peer_id=peer, ice_servers=self.ice_servers).text()

    async def _hear(self, socket: ServerConnection, register: Register, text: str | bytes) -> None:
        match read_said(text):
            case DiscoverPeers() as asked:
                here = [other for _, other in self._peers.values() if other.room_id == register.room_id]
                infos = [
                    PeerInfo(peer_id=o.peer_id, role=o.role, metadata=o.metadata)
                    for o in here
                    if o.peer_id != register.peer_id
                ]
                found = [info for info in infos if matches(info, asked.filters)]
                await socket.send(PeerList(to_peer_id="", peers=found, count=len(found)).text())
            case Register() as again:
                self.registrations.append(again)
                await socket.send(self._welcome(again))
            case UpdateMetadata() as news:
                await socket.send(MetadataUpdated(peer_id=news.peer_id, metadata=news.metadata).text())
            case PeerMessage(to_peer_id=target) as said:
                known = self._peers.get((register.room_id, target))
                if known is None:
                    await socket.send(SignalError(code="PEER_NOT_FOUND", message="no such peer").text())
                else:
                    await known[0].send(said.text())
            case other:
                raise AssertionError(other)
