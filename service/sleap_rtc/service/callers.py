"""Adapter: what every handler begins with: the parts of this instance, who is calling, and whether he may."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from sleap_rtc.service.identity import Caller, Unauthenticated, WorkersWorkOnly
from sleap_rtc.service.parts import Parts
from sleap_rtc.storage.errors import SleapRtcError


def parts_of(request: Request) -> Parts:
    """Return what this instance is made of."""
    found: Parts = request.app.state.parts
    return found


P = Annotated[Parts, Depends(parts_of)]


def token_of(authorization: str) -> str:
    """Return the token in a header. Raises Unauthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(why="no token was sent")
    return token


def anyone_of(parts: P, authorization: Annotated[str, Header()] = "") -> Caller:
    """Return who is calling: somebody, or a worker with a token of its own. Raises Unauthenticated."""
    return parts.tokens.verify(token_of(authorization))


Anyone = Annotated[Caller, Depends(anyone_of)]


def somebody(caller: Caller) -> Caller:
    """Return the caller if it is no worker's token that he has. Raises WorkersWorkOnly."""
    if caller.works_in:
        raise WorkersWorkOnly(room_id=caller.works_in)
    return caller


def caller_of(caller: Anyone) -> Caller:
    """Return who is calling. Raises Unauthenticated, WorkersWorkOnly."""
    return somebody(caller)


C = Annotated[Caller, Depends(caller_of)]


def writer_of(room_id: str, parts: P, caller: C) -> Caller:
    """Return who is calling if he may write in the room of the path. Raises NotFound, Refused."""
    parts.rooms.enter(room_id, caller, to_write=True)
    return caller


W = Annotated[Caller, Depends(writer_of)]


def at_work_in(room_id: str, parts: P, caller: Anyone) -> Caller:
    """Return who is calling if he may write in the room of the path, or is a worker with a token of it.

    Raises:
        NotFound: there is no such room, or he is not in it.
        Refused: he may only read.
    """
    parts.rooms.enter(room_id, caller, to_write=True)
    return caller


AtWork = Annotated[Caller, Depends(at_work_in)]


def is_still_in(parts: Parts, room_id: str, caller: Caller) -> bool:
    """Tell whether he still is; where that cannot be told, he asks again and gets the reason."""
    try:
        parts.rooms.enter(room_id, caller)
    except SleapRtcError:
        return False
    return True
