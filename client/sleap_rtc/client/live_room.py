"""Orchestration: a client among the live peers of a room."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import PeerUnreachable
from sleap_rtc.live.sessions import Sessions
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.live.signaling_messages import Metadata, own_peer_id
from sleap_rtc.live.token_subject import token_subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.live.peer_session import PeerSession

_METADATA = Metadata(tags=("sleap-rtc",), properties={"s3": True})


def client_name() -> str:
    """Return a name for one of the clients of a person that no other one has."""
    return f"client-{secrets.token_hex(4)}"


class LiveRoom:
    """Calls workers of the room."""

    def __init__(self, signaling: SignalingClient, sessions: Sessions) -> None:
        self._signaling = signaling
        self._sessions = sessions

    async def call(self, peer_id: str) -> PeerSession:
        """Make a session with a worker.

        Raises:
            PeerUnreachable: it is not in the room (any more), or cannot be connected to.
            Unreachable: the signaling does not answer.
        """
        # What is sent to somebody who is not there is lost, and would be waited for.
        present = await self._signaling.discover({"role": "worker"})
        if peer_id not in {peer.peer_id for peer in present}:
            raise PeerUnreachable(where=peer_id, why="it is not in the room at the moment")
        return await self._sessions.call(peer_id)


@asynccontextmanager
async def live_room(url: str, room_id: str, token: str, name: str = "") -> AsyncIterator[LiveRoom]:
    """Be in a room while the block runs. Sessions that were made go on after it.

    Args:
        url: of the signaling.
        room_id: the room.
        token: says who we are.
        name: which of our clients it is, if it comes again; else one that nobody has.

    Raises:
        InputError: the token does not say so.
        Refused: we are not let in.
        Unreachable: the signaling does not answer.
    """
    peer_id = own_peer_id(token_subject(token), name or client_name())
    card = Card(room_id, peer_id, "client", _METADATA)
    signaling = SignalingClient(url, card, lambda: token)
    async with signaling.running():
        await signaling.registered()
        sessions = Sessions(signaling, ice_servers=lambda: signaling.ice_servers)
        running = asyncio.create_task(sessions.run())
        try:
            yield LiveRoom(signaling, sessions)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
