"""Orchestration: finds the room, or the member of it, that somebody means who types a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import InputError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.room_api import MemberView

_MADE_ID = re.compile(r"[0-9a-f]{8}")


class RoomNameAmbiguous(InputError):
    """More than one of your rooms is called {name}: {room_ids}. Give the id instead."""

    name: str
    room_ids: str


class MemberNameAmbiguous(InputError):
    """More than one member is called {name}: {subjects}. Give the subject instead."""

    name: str
    subjects: str


def looks_like_an_id(text: str) -> bool:
    """Tell whether this is how the service makes room ids, so that nobody has to be asked."""
    return _MADE_ID.fullmatch(text) is not None


def room_named(service: ServiceClient, name: str) -> str:
    """Return the id of the room that an id or a name stands for; what is neither stays as it is.

    Raises:
        RoomNameAmbiguous: several rooms of the caller have this name.
    """
    rooms = service.rooms()
    if any(room.room_id == name for room in rooms):
        return name
    found = [room.room_id for room in rooms if room.name == name]
    if len(found) > 1:
        raise RoomNameAmbiguous(name=name, room_ids=", ".join(sorted(found)))
    return found[0] if found else name


def member_named(members: Iterable[MemberView], name: str, room_id: str) -> MemberView:
    """Return the member whom a subject or a name stands for.

    Raises:
        NotFound: the room has none.
        MemberNameAmbiguous: several have this name.
    """
    members = list(members)
    for member in members:
        if member.subject == name:
            return member
    found = [member for member in members if member.name == name]
    if len(found) > 1:
        subjects = ", ".join(sorted(member.subject for member in found))
        raise MemberNameAmbiguous(name=name, subjects=subjects)
    if not found:
        raise NotFound(what=f"member {name} of room {room_id}")
    return found[0]
