"""Orchestration: comes into a room's signaling as a member, or with the room's token as anybody.

Whoever has a token of his own tries with that. The existing tool's server does not take it, nor does ours in
a room of others: then the room's token is good enough, and the client signs in anonymously, as the existing
one does.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sleap_rtc.client.bearer import signaling_bearer
from sleap_rtc.client.live_room import client_name, place_in_room
from sleap_rtc.live.ice_server import IceServer
from sleap_rtc.live.sign_in import sign_in_anonymously, sign_out
from sleap_rtc.live.signaling_messages import own_peer_id
from sleap_rtc.live.token_subject import token_subject
from sleap_rtc.storage.errors import InputError, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Door:
    """Which room, and what lets us in.

    Attributes:
        ws_url: of the signaling's WebSocket.
        http_url: of its HTTP API.
        room_id: the room.
        own_token: the user's, if he has one.
        renewed_token: returns the one that holds when a connection is made again.
        room_token: the room's, if it was given.
        stun_urls: to learn the own address by, where the server names no servers.
    """

    ws_url: str
    http_url: str
    room_id: str
    own_token: str = field(default="", repr=False)
    renewed_token: Callable[[], str] | None = field(default=None, repr=False)
    room_token: str = field(default="", repr=False)
    stun_urls: tuple[str, ...] = ()


def door_of(settings: Settings, room_id: str, room_token: str) -> Door:
    """Return the door that the settings lead to. Raises LoginEnded, Unreachable."""
    token = signaling_bearer(settings)
    return Door(
        ws_url=settings.signaling_url,
        http_url=settings.signaling_http_url,
        room_id=room_id,
        own_token=token(),
        renewed_token=token,
        room_token=room_token,
        stun_urls=settings.stun_urls,
    )


@asynccontextmanager
async def entered(door: Door) -> AsyncIterator[LiveRoom]:
    """Be in the room while the block runs.

    Raises:
        InputError: nothing was given that could let us in.
        Refused: we are not let in.
        Unreachable: the signaling does not answer.
    """
    if not door.own_token and not door.room_token:
        raise InputError(
            message="The room has to be shown that you may come in: run `sleap-rtc login`, or give the "
            "room's token with --token."
        )
    async with AsyncExitStack() as stack:
        yield await _as_a_member(stack, door) or await _as_anybody(stack, door)


async def _as_a_member(stack: AsyncExitStack, door: Door) -> LiveRoom | None:
    """Come in with the user's own token; None if that is not good for it and another one is there."""
    if not door.own_token:
        return None
    name = own_peer_id(token_subject(door.own_token), client_name())
    try:
        return await stack.enter_async_context(_place(door, name, door.renewed_token or door.own_token))
    except Refused as refused:
        if not door.room_token:
            raise
        log.info("%s Trying with the room's token alone.", refused)
        return None


async def _as_anybody(stack: AsyncExitStack, door: Door) -> LiveRoom:
    who = await asyncio.to_thread(sign_in_anonymously, door.http_url)
    stack.push_async_callback(asyncio.to_thread, sign_out, door.http_url, who)
    return await stack.enter_async_context(_place(door, who.peer_id, who.id_token))


def _place(
    door: Door, peer_id: str, id_token: str | Callable[[], str]
) -> AbstractAsyncContextManager[LiveRoom]:
    ice = (IceServer(urls=door.stun_urls),) if door.stun_urls else ()
    return place_in_room(door.ws_url, door.room_id, peer_id, id_token, door.room_token or None, ice)
