"""Adapter: what every handler begins with: the parts of this instance, who is calling, and whether he may."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from sleap_rtc.service.identity import Caller, Unauthenticated
from sleap_rtc.service.parts import Parts
from sleap_rtc.storage.errors import SleapRtcError


def parts_of(request: Request) -> Parts:
    """Return what this instance is made of."""
    found: Parts = request.app.state.parts
    return found


P = Annotated[Parts, Depends(parts_of)]


def caller_of(parts: P, authorization: Annotated[str, Header()] = "") -> Caller:
    """Return who is calling. Raises Unauthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(why="no token was sent")
    return parts.tokens.verify(token)


C = Annotated[Caller, Depends(caller_of)]


def writer_of(room_id: str, parts: P, caller: C) -> Caller:
    """Return who is calling if he may write in the room of the path. Raises NotFound, Refused."""
    parts.rooms.enter(room_id, caller, to_write=True)
    return caller


W = Annotated[Caller, Depends(writer_of)]


def is_still_in(parts: Parts, room_id: str, caller: Caller) -> bool:
    """Tell whether he still is; where that cannot be told, he asks again and gets the reason."""
    try:
        parts.rooms.enter(room_id, caller)
    except SleapRtcError:
        return False
    return True
