"""Orchestration: shows how clients of the existing tool get to this worker, for as long as it is here.

Its words are those that people and scripts look for in the existing worker's output: a line with the session
string, one with the room's id and one with its token. A token holds for two hours, so a member of the room
makes a new one in time and shows it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.live.session_string import Session, session_string
from sleap_rtc.storage.errors import SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.live.signaling_client import SignalingClient
    from sleap_rtc.worker.room_tokens import RoomToken

log = logging.getLogger(__name__)

RENEWED_BEFORE = timedelta(minutes=20)
_AGAIN_AFTER_S = 60.0


async def invite(
    signaling: SignalingClient,
    room_id: str,
    token: Callable[[], RoomToken],
    show: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Show an invitation once the worker is in the room, and another one whenever it is about to end.

    Args:
        signaling: the worker's place in the room.
        room_id: the room.
        token: makes a token; called in a thread.
        show: told each invitation.
        stop: ends it.
    """
    while not stop.is_set():
        wait_s: float | None = _AGAIN_AFTER_S
        try:
            await signaling.registered()
            made = await asyncio.to_thread(token)
        except SleapRtcError as error:
            log.warning("clients of the existing tool cannot be invited: %s", error)
            if not isinstance(error, Unreachable):
                return
        else:
            show(invitation(room_id, made, signaling.peer_id))
            wait_s = _renew_in_s(made, datetime.now(UTC))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await stop.wait()


def invitation(room_id: str, token: RoomToken, peer_id: str) -> str:
    """Return the lines of an invitation."""
    until = f" until {token.expires_at.astimezone():%H:%M}" if token.expires_at else ""
    session = session_string(Session(room_id=room_id, token=token.token, worker_id=peer_id))
    return (
        f"Clients of the existing tool get to this worker{until} with\n"
        f"  {session}\n"
        f"or to all workers of the room with\n"
        f"  Room ID: {room_id}\n"
        f"  Token:   {token.token}\n"
    )


def _renew_in_s(token: RoomToken, now: datetime) -> float | None:
    if token.expires_at is None:
        return None
    return max(_AGAIN_AFTER_S, (token.expires_at - RENEWED_BEFORE - now).total_seconds())
