"""Adapter: takes a place among the live peers of a room, and leaves it."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sleap_rtc.client.environment_check import NotTried

if TYPE_CHECKING:
    from collections.abc import Callable

_WITHIN_S = 15.0


def registers(url: str, room_id: str, token: Callable[[], str]) -> str:
    """Say that the signaling takes us.

    Raises:
        NotTried: the package for it is not installed.
        Refused: it does not let us in.
        Unreachable: it does not answer.
    """
    if find_spec("websockets") is None:
        raise NotTried(why="websockets is not installed here.", advice="pip install 'sleap-rtc[live]'")
    asyncio.run(_registered(url, room_id, token))
    return f"{url} took a peer"


async def _registered(url: str, room_id: str, token: Callable[[], str]) -> None:
    from sleap_rtc.live.signaling_client import Card, SignalingClient
    from sleap_rtc.live.signaling_messages import own_peer_id
    from sleap_rtc.live.token_subject import token_subject

    peer_id = own_peer_id(token_subject(await asyncio.to_thread(token)), "doctor")
    client = SignalingClient(url, Card(room_id, peer_id, "client"), token)
    async with client.running():
        await client.registered(_WITHIN_S)
