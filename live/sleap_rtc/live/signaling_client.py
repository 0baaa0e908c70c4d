"""Adapter: a peer's side of the signaling WebSocket: registers, finds others, carries signals, reconnects.

Sessions between our own peers are arranged in `peer_message`s (`signaling`). `offer` and `answer` are left to
the existing tool: it makes one channel of its own, and a worker that trains is sent no offers, though it may
serve models. What comes of that kind goes to whoever listens for it (`legacy_signaling`), and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sleap_rtc.live import legacy_signaling, signaling
from sleap_rtc.live.relays import renewed
from sleap_rtc.live.signaling_messages import (
    LARGEST_MESSAGE_BYTES,
    CloseCode,
    DiscoverPeers,
    MessageRefused,
    Metadata,
    MetadataUpdated,
    PeerList,
    PeerMessage,
    Register,
    RegisteredAuth,
    SignalError,
    UpdateMetadata,
    read_heard,
)
from sleap_rtc.storage.errors import Refused, SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from websockets.asyncio.client import ClientConnection

    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.legacy_signaling import LegacyListener, LegacySignal
    from sleap_rtc.live.signaling import Received, Signal
    from sleap_rtc.live.signaling_messages import Answer, Heard, Offer, PeerInfo

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 10.0
LONGEST_PAUSE_S = 30.0
_FIRST_PAUSE_S = 0.5
_MOST_UNREAD = 64


@dataclass(frozen=True)
class Card:
    """Who we are in which room.

    Attributes:
        room_id: the room.
        peer_id: the subject of the id token, alone or with `#` and a name behind it.
        role: `worker`, `client` or `peer`.
        metadata: what others may look for.
    """

    room_id: str
    peer_id: str
    role: str = "peer"
    metadata: Metadata = field(default_factory=Metadata)


class _Replaced(Refused):
    """{where} refused the request: {why}."""


class SignalingClient:
    """A peer's place in a room for as long as `run` runs, over as many connections as that takes.

    Args:
        url: of the WebSocket.
        card: who we are.
        id_token: returns a token that is valid now; called in a thread for each connection.
        room_token: the room's, for whoever is no member.
    """

    def __init__(
        self, url: str, card: Card, id_token: Callable[[], str], room_token: str | None = None
    ) -> None:
        self.ice_servers: Sequence[IceServer] = ()
        """What the server says to use."""
        self._url = url
        self._card = card
        self._id_token = id_token
        self._room_token = room_token
        self._metadata = card.metadata
        self._socket: ClientConnection | None = None
        self._registered = asyncio.Event()
        self._trouble: SleapRtcError = Unreachable(where=url, why="not connected yet")
        self._tried = asyncio.Event()
        self._inbox: asyncio.Queue[Received] = asyncio.Queue(_MOST_UNREAD)
        self._legacy: LegacyListener | None = None
        self._asking = asyncio.Lock()
        self._asked: asyncio.Future[Heard] | None = None

    @property
    def peer_id(self) -> str:
        """Who we are."""
        return self._card.peer_id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be in the room while the block runs."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled.

        Raises:
            Refused: somebody else has registered as this peer.
        """
        failures = 0
        while True:
            failures = 1 if await self._connection() else failures + 1
            if isinstance(self._trouble, _Replaced):
                raise self._trouble
            log.info("signaling: %s", self._trouble)
            # Full jitter: what was cut off together does not come back together.
            pause_s = min(LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failures)
            await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - jitter

    async def registered(self, within_s: float = ANSWER_WITHIN_S) -> None:
        """Wait until we are in the room.

        Raises:
            Refused: the server does not let us in.
            Unreachable: it does not answer in time.
        """
        try:
            async with asyncio.timeout(within_s):
                while not self._registered.is_set():
                    self._tried.clear()
                    await self._either()
                    if isinstance(self._trouble, Refused) and not self._registered.is_set():
                        raise self._trouble
        except TimeoutError:
            raise self._trouble from None

    async def send(self, to_peer: str, signal: Signal) -> None:
        """Send a signal; to whoever is not in the room it is lost. Raises Unreachable."""
        await self._say(signaling.on_the_wire(self.peer_id, to_peer, signal))

    async def receive(self) -> AsyncIterator[Received]:
        """Yield what comes, over all connections."""
        while True:
            yield await self._inbox.get()

    async def send_legacy(self, to_peer: str, signal: LegacySignal) -> None:
        """Send a signal of the existing tool's kind. Raises Unreachable."""
        await self._say(legacy_signaling.on_the_wire(self.peer_id, to_peer, signal))

    def listen_legacy(self, listener: LegacyListener) -> None:
        """Have signals of the existing tool's kind told to `listener`, which must not block."""
        self._legacy = listener

    async def discover(self, filters: dict[str, Any]) -> Sequence[PeerInfo]:
        """Return the other peers of the room that a filter matches. Raises Unreachable."""
        heard = await self._ask(DiscoverPeers(from_peer_id=self.peer_id, filters=filters))
        return heard.peers if isinstance(heard, PeerList) else ()

    async def update_metadata(self, news: Metadata) -> None:
        """Tell the room what is new about us; it is told again with each registration. Raises Unreachable."""
        self._metadata = self._metadata.updated(news)
        await self._ask(UpdateMetadata(peer_id=self.peer_id, metadata=self._metadata))

    async def _either(self) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._registered, self._tried)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _connection(self) -> bool:
        """Be connected until the connection ends; return whether we were in the room meanwhile."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, WebSocketException

        was_registered = False
        trouble: SleapRtcError = Unreachable(where=self._url, why="the connection was cut")
        try:
            async with connect(self._url, max_size=LARGEST_MESSAGE_BYTES) as socket:
                await self._register(socket)
                was_registered = True
                async with renewed(lambda: self.ice_servers, lambda: self._say_who_we_are(socket)):
                    async for text in socket:
                        self._heard(text)
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == CloseCode.REPLACED:
                trouble = _Replaced(where=self._url, why="this peer is registered on a newer connection")
        except (OSError, WebSocketException) as error:
            trouble = Unreachable(where=self._url, why=str(error) or "no answer")
        except SleapRtcError as error:
            trouble = error
        finally:
            self._lost(trouble)
        return was_registered

    async def _register(self, socket: ClientConnection) -> None:
        await self._say_who_we_are(socket)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            heard = read_heard(await socket.recv())
        if not isinstance(heard, RegisteredAuth):
            why = heard.text_for_people if isinstance(heard, SignalError) else "it does not register anybody"
            raise Refused(where=self._url, why=why)
        self.ice_servers = heard.ice_servers
        self._socket = socket
        self._registered.set()
        log.info("signaling: in room %s as %s", self._card.room_id, self.peer_id)

    async def _say_who_we_are(self, socket: ClientConnection) -> None:
        register = Register(
            peer_id=self.peer_id,
            room_id=self._card.room_id,
            id_token=await asyncio.to_thread(self._id_token),
            token=self._room_token,
            role=self._card.role,
            metadata=self._metadata,
        )
        await socket.send(register.text())

    def _lost(self, trouble: SleapRtcError) -> None:
        self._socket = None
        self._trouble = trouble
        self._registered.clear()
        self._tried.set()
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(trouble)

    def _heard(self, text: str | bytes) -> None:
        try:
            heard = read_heard(text)
        except MessageRefused as error:
            log.warning("signaling: %s", error)
            return
        if isinstance(heard, PeerList | MetadataUpdated):
            if self._asked is not None and not self._asked.done():
                self._asked.set_result(heard)
            return
        if isinstance(heard, RegisteredAuth):
            self.ice_servers = heard.ice_servers
        if isinstance(heard, SignalError):
            log.warning("signaling: %.300s", heard.text_for_people)
        if isinstance(heard, PeerMessage) and (received := signaling.off_the_wire(heard)) is not None:
            self._take(received)
        elif self._legacy is not None and (legacy := legacy_signaling.off_the_wire(heard)) is not None:
            self._legacy(legacy)

    def _take(self, received: Received) -> None:
        try:
            self._inbox.put_nowait(received)
        except asyncio.QueueFull:
            log.warning("signaling: more signals than are read; one of %s is lost", received.from_peer)

    async def _ask(self, question: DiscoverPeers | UpdateMetadata) -> Heard:
        async with self._asking:
            self._asked = asyncio.get_running_loop().create_future()
            try:
                await self._say(question)
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    return await self._asked
            except TimeoutError:
                raise Unreachable(where=self._url, why="no answer") from None
            finally:
                self._asked = None

    async def _say(
        self, message: PeerMessage | DiscoverPeers | UpdateMetadata | Offer | Answer | SignalError
    ) -> None:
        from websockets.exceptions import ConnectionClosed

        await self.registered()
        try:
            if self._socket is not None:
                await self._socket.send(message.text())
        except ConnectionClosed:
            raise Unreachable(where=self._url, why="the connection was cut") from None
