"""How clients of the existing tool are invited, and how long an invitation is shown before it ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from support.loop import in_virtual_time

from sleap_rtc.live.session_string import parse_session_string
from sleap_rtc.storage.errors import Refused, SleapRtcError, Unreachable
from sleap_rtc.worker.invitation import invitation, invite
from sleap_rtc.worker.room_tokens import RoomToken


class Registered:
    """A worker's place in a room."""

    peer_id = "ada#worker-1"

    async def registered(self) -> None:
        """Be there."""


def test_an_invitation_has_the_lines_that_people_and_scripts_look_for() -> None:
    lines = [line.strip() for line in invitation("lab", RoomToken(token="abc123"), "gpu").splitlines()]
    assert "Room ID: lab" in lines
    assert "Token:   abc123" in lines
    (session,) = [line for line in lines if line.startswith("sleap-session:")]
    read = parse_session_string(session)
    assert (read.room_id, read.token, read.worker_id) == ("lab", "abc123", "gpu")


async def shown_in(hours: float, *made: RoomToken | SleapRtcError) -> list[str]:
    """Return what is shown within so many hours, while tokens are made like this, the last one for ever."""
    shown: list[str] = []
    rest = list(made)

    def make() -> RoomToken:
        one = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(one, SleapRtcError):
            raise one
        return one

    stop = asyncio.Event()
    place: Any = Registered()
    inviting = asyncio.create_task(invite(place, "lab", make, shown.append, stop))
    await asyncio.sleep(hours * 3600)
    stop.set()
    await inviting
    return shown


def token(hours: float) -> RoomToken:
    return RoomToken(token="abc123", expires_at=datetime.now(UTC) + timedelta(hours=hours))


@in_virtual_time
async def test_a_new_one_is_shown_before_the_old_one_ends() -> None:
    assert len(await shown_in(1.5, token(2))) == 1
    assert len(await shown_in(1.8, token(2), token(2))) == 2


@in_virtual_time
async def test_one_that_nobody_can_make_anew_is_shown_once() -> None:
    assert len(await shown_in(24, RoomToken(token="abc123"))) == 1


@in_virtual_time
async def test_a_service_that_is_away_is_asked_again_and_one_that_refuses_is_not() -> None:
    away = Unreachable(where="the service", why="away")
    assert len(await shown_in(0.1, away, away, token(2))) == 1
    assert not await shown_in(0.1, Refused(where="the service", why="no"), token(2))
