"""Orchestration: a client among the live peers of a room."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sleap_rtc.client.worker_choice import WORKERS_ONLY, candidates_of
from sleap_rtc.live.errors import PeerUnreachable
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling_client import ANSWER_WITHIN_S, Card, SignalingClient
from sleap_rtc.live.signaling_messages import Metadata, own_peer_id
from sleap_rtc.live.token_subject import token_subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sleap_rtc.client.worker_choice import Candidate
    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.peer_session import PeerSession

_METADATA = Metadata(tags=("sleap-rtc", "training-client"), properties={"s3": True})


def client_name() -> str:
    """Return a name for one of the clients of a person that no other one has."""
    return f"client-{secrets.token_hex(4)}"


class LiveRoom:
    """Finds and calls workers of the room.

    Args:
        signaling: our place among the room's peers.
        sessions: those with our own workers.
        ice_servers: those to use where the server names none.
    """

    def __init__(
        self, signaling: SignalingClient, sessions: Sessions, ice_servers: Sequence[IceServer] = ()
    ) -> None:
        self.signaling = signaling
        self._sessions = sessions
        self._ice_servers = ice_servers

    @property
    def ice_servers(self) -> Sequence[IceServer]:
        """Those to use for the next connection."""
        return self.signaling.ice_servers or self._ice_servers

    async def workers(self) -> list[Candidate]:
        """Return the workers that are there, those of this tool first. Raises Unreachable."""
        return candidates_of(await self.signaling.discover(WORKERS_ONLY))

    async def call(self, peer_id: str) -> PeerSession:
        """Make a session with a worker.

        Raises:
            PeerUnreachable: it is not in the room (any more), or cannot be connected to.
            Unreachable: the signaling does not answer.
        """
        # What is sent to somebody who is not there is lost, and would be waited for.
        present = await self.signaling.discover(WORKERS_ONLY)
        if peer_id not in {peer.peer_id for peer in present}:
            raise PeerUnreachable(where=peer_id, why="it is not in the room at the moment")
        return await self._sessions.call(peer_id)


@asynccontextmanager
async def live_room(
    url: str,
    room_id: str,
    token: str | Callable[[], str],
    name: str = "",
    *,
    within_s: float = ANSWER_WITHIN_S,
) -> AsyncIterator[LiveRoom]:
    """Be in a room of whose members we are one. Sessions that were made go on after the block.

    Args:
        url: of the signaling.
        room_id: the room.
        token: says who we are; or what returns it, called in a thread for each connection.
        name: which of our clients it is, if it comes again; else one that nobody has.
        within_s: how long to wait for the signaling, in seconds.

    Raises:
        InputError: the token does not say so.
        Refused: we are not let in.
        Unreachable: the signaling does not answer in time.
    """
    now = token if isinstance(token, str) else await asyncio.to_thread(token)
    peer_id = own_peer_id(token_subject(now), name or client_name())
    async with place_in_room(url, room_id, peer_id, token, within_s=within_s) as room:
        yield room


@asynccontextmanager
async def place_in_room(
    url: str,
    room_id: str,
    peer_id: str,
    id_token: str | Callable[[], str],
    room_token: str | None = None,
    ice_servers: Sequence[IceServer] = (),
    within_s: float = ANSWER_WITHIN_S,
) -> AsyncIterator[LiveRoom]:
    """Be in a room under a certain name while the block runs.

    Args:
        url: of the signaling.
        room_id: the room.
        peer_id: the name.
        id_token: says that it is ours; or what returns it, called in a thread for each connection.
        room_token: the room's, for whoever is no member.
        ice_servers: those to use where the server names none.
        within_s: how long to wait for the signaling, in seconds.

    Raises:
        Refused: we are not let in.
        Unreachable: the signaling does not answer in time.
    """
    card = Card(room_id, peer_id, "client", _METADATA)
    shown = (lambda: id_token) if isinstance(id_token, str) else id_token
    signaling = SignalingClient(url, card, shown, room_token)
    async with signaling.running():
        await signaling.registered(within_s)
        room: LiveRoom
        sessions = Sessions(signaling, ice_servers=lambda: room.ice_servers)
        room = LiveRoom(signaling, sessions, ice_servers)
        running = asyncio.create_task(sessions.run())
        try:
            yield room
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
