"""A signaling server in this process, on a store in memory, and peers that talk to it over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import urllib3
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sleap_rtc.local.issuer import AUDIENCE, ISSUER
from sleap_rtc.service.identity import Caller, TokenVerifier
from sleap_rtc.service.rooms import Rooms
from sleap_rtc.service.signaling.listeners import SOCKET_TERMS, Ports, listening
from sleap_rtc.service.signaling.wiring import make_signaling
from sleap_rtc.settings import Settings
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.room import Role, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.local.issuer import LocalIssuer
    from sleap_rtc.service.signaling.server import Signaling

SOON_S = 10.0
QUIET_S = 0.15
TAGS = ["sleap-rtc", "training-worker", "inference-worker"]
WORKER = {"tags": TAGS, "properties": {"status": "available", "gpu_memory_mb": 0, "gpu_model": "CPU"}}
SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"


class LivePeer:
    """One socket, and whoever is at it."""

    def __init__(self, connection: ClientConnection, peer_id: str, id_token: str) -> None:
        self.connection = connection
        self.peer_id = peer_id
        self.id_token = id_token

    async def say(self, kind: str, **content: Any) -> None:
        """Send a message."""
        await self.say_text(json.dumps({"type": kind, **content}))

    async def say_text(self, text: str | bytes) -> None:
        """Send a frame."""
        await self.connection.send(text)

    async def hear(self) -> dict[str, Any]:
        """Return the next message."""
        async with asyncio.timeout(SOON_S):
            return dict(json.loads(await self.connection.recv()))

    async def ask(self, kind: str, **content: Any) -> dict[str, Any]:
        """Send a message and return what comes next."""
        await self.say(kind, **content)
        return await self.hear()

    async def register(self, room_id: str | None, token: str | None = None, **changed: Any) -> dict[str, Any]:
        """Register; return the answer. A field that is None is left out."""
        content = {"peer_id": self.peer_id, "room_id": room_id, "id_token": self.id_token, "token": token}
        wanted = {name: value for name, value in {**content, **changed}.items() if value is not None}
        return await self.ask("register", **wanted)

    async def discover(self, **filters: Any) -> list[str]:
        """Return who matches."""
        found = await self.ask("discover_peers", from_peer_id=self.peer_id, filters=filters)
        assert found["count"] == len(found["peers"])
        return [peer["peer_id"] for peer in found["peers"]]

    async def update(self, **metadata: Any) -> dict[str, Any]:
        """Tell what is new; return what the room now knows."""
        updated = await self.ask("update_metadata", peer_id=self.peer_id, metadata=metadata)
        assert updated["type"] == "metadata_updated", updated
        return dict(updated["metadata"])

    async def set_status(self, status: str) -> None:
        """Say how busy a worker is, as the existing worker does."""
        await self.update(properties={"status": status})

    async def offer(self, to: LivePeer, **more: Any) -> None:
        """Make an offer."""
        await self.say("offer", sender=self.peer_id, target=to.peer_id, sdp=SDP, **more)

    async def answer(self, to: LivePeer) -> None:
        """Take an offer."""
        await self.say("answer", sender=self.peer_id, target=to.peer_id, sdp=SDP)

    async def tell(self, to: LivePeer | str, payload: Any) -> None:
        """Send a peer message."""
        to_peer_id = to if isinstance(to, str) else to.peer_id
        await self.say("peer_message", from_peer_id=self.peer_id, to_peer_id=to_peer_id, payload=payload)

    async def hears_nothing(self) -> bool:
        """Tell whether nothing came before the answer to a question of its own."""
        probe = await self.ask("discover_peers", from_peer_id=self.peer_id, filters={})
        return bool(probe["type"] == "peer_list")

    async def closed_with(self) -> int:
        """Wait for the end; return its code."""
        async with asyncio.timeout(SOON_S):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


@dataclass(frozen=True)
class Answer:
    """What the HTTP API said."""

    status: int
    body: dict[str, Any]


class Hall:
    """A signaling server at the existing tool's two ports."""

    def __init__(
        self, signaling: Signaling, rooms: Rooms, store: MemoryObjectStore, issuer: LocalIssuer
    ) -> None:
        self.signaling = signaling
        self.rooms = rooms
        self.store = store
        self.issuer = issuer
        self.ws_url = ""
        self.http_url = ""
        self.opened = AsyncExitStack()

    async def http(self, method: str, path: str, token: str | None = None, **body: Any) -> Answer:
        """Ask the HTTP API."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}

        def ask() -> Answer:
            url = self.http_url + path
            reply = urllib3.request(method, url, headers=headers, json=body or None, retries=False)
            return Answer(reply.status, reply.json())

        return await asyncio.to_thread(ask)

    def open_room(self, owner: str = "ada", token_made_at: datetime | None = None) -> tuple[str, str]:
        """Open a room with a token; return both."""
        room = self.rooms.create("A lab", Caller(owner, owner))
        made = self.signaling.room_tokens.open(room.room_id, owner, token_made_at or datetime.now(UTC))
        return room.room_id, made.token

    def let_in(self, room_id: str, subject: str, role: Role) -> None:
        """Make somebody a member of a room."""

        def with_member(room: Room) -> Room:
            return room.model_copy(update={"members": {**room.members, subject: role}})

        Documents(self.store, Room).change(keys.room_key(room_id), with_member)

    async def connect(
        self, subject: str = "ada", name: str = "", path: str = "/", **options: Any
    ) -> LivePeer:
        """Open a socket for somebody who is in no room yet."""
        id_token = self.issuer.token(subject)
        opening = connect(self.ws_url + path, close_timeout=0.2, **options)
        connection = await self.opened.enter_async_context(opening)
        return LivePeer(connection, f"{subject}#{name}" if name else subject, id_token)

    async def peer(self, room: str, token: str | None, subject: str, **content: Any) -> LivePeer:
        """Return somebody who is in a room."""
        peer = await self.connect(subject)
        answer = await peer.register(room, token, **content)
        assert answer["type"] == "registered_auth", answer
        return peer

    async def worker(self, room: str, token: str | None, subject: str = "worker", **changed: Any) -> LivePeer:
        """Return a worker that is in a room."""
        metadata = {**WORKER, "properties": {**WORKER["properties"], **changed}}  # type: ignore[dict-item]
        return await self.peer(room, token, subject, role="worker", metadata=metadata)

    async def client(self, room: str, token: str | None, subject: str = "client") -> LivePeer:
        """Return a client that is in a room."""
        return await self.peer(room, token, subject, role="client", metadata={"tags": ["sleap-rtc"]})


@asynccontextmanager
async def open_hall(
    issuer: LocalIssuer,
    *,
    patience: Any = None,
    terms: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Hall]:
    """Run a signaling server for as long as the context is open."""
    store = MemoryObjectStore()
    chosen = Settings(jwks_url=issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE, **settings)
    rooms = Rooms(store, lambda _: None)
    signaling = make_signaling(chosen, store, TokenVerifier(chosen), rooms)
    if patience is not None:
        vars(signaling)["patience"] = patience
    hall = Hall(signaling, rooms, store, issuer)
    ports = Ports(socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0)))
    assert ports.websocket is not None
    assert ports.http is not None
    hall.ws_url = f"ws://127.0.0.1:{ports.websocket.getsockname()[1]}"
    hall.http_url = f"http://127.0.0.1:{ports.http.getsockname()[1]}"
    async with listening(ports, signaling, {**SOCKET_TERMS, **(terms or {})}), hall.opened:
        yield hall


async def eventually(true: Any) -> None:
    """Wait for something that a question to the server shows; fail if it takes far too long."""
    async with asyncio.timeout(SOON_S):
        while not await true():  # noqa: ASYNC110 # what is waited for has no event
            await asyncio.sleep(0.02)
