"""Adapter: the short tokens by which clients of the existing tool get into a room, and a room for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from sleap_rtc.events.service_http import ServiceHttp


class RoomToken(BaseModel):
    """A token; `expires_at` is None where nobody said."""

    token: str = Field(repr=False)
    expires_at: datetime | None = None


class OpenedRoom(BaseModel):
    """A room, and the token that lets others in."""

    room_id: str
    token: str = Field(repr=False)


def make_token(service: ServiceHttp, room_id: str) -> RoomToken:
    """Have a token made for a room that the caller may write in. Raises Refused, NotFound, Unreachable."""
    return service.ask("POST", f"/api/rooms/{quote(room_id)}/signaling-token", RoomToken)


def open_room(service: ServiceHttp) -> OpenedRoom:
    """Open a room that the caller owns. Raises Refused, Unreachable."""
    return service.ask("POST", "/create-room", OpenedRoom)
