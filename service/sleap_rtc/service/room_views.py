"""Pure: a room as those who are in it may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.room_api import InvitationView, MemberView, RoomDetails, RoomView
from sleap_rtc.events.workers import present

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.storage.room import Room


def room_view(room: Room, subject: str) -> RoomView:
    """Return a room as the member of this token subject sees it."""
    role = room.role_of(subject) or ("worker" if room.has_worker(subject) else "reader")
    return RoomView(room_id=room.room_id, name=room.name, role=role, created_at=room.created_at)


def room_details(room: Room, subject: str, workers: list[WorkerView], now: datetime) -> RoomDetails:
    """Return all that there is to see; the invitations only for an owner."""
    view = room_view(room, subject)
    return RoomDetails(
        **dict(view),
        members=tuple(member_view(room, member) for member in room.members),
        invitations=tuple(invitation_views(room, now)) if view.role == "owner" else (),
        workers=tuple(present(workers, now)),
    )


def member_view(room: Room, subject: str) -> MemberView:
    """Return a member."""
    person = room.people.get(subject)
    return MemberView(
        subject=subject,
        name=room.name_of(subject),
        role=room.members[subject],
        since=person.since if person else None,
        invited_by=room.name_of(person.invited_by) if person else "",
    )


def invitation_views(room: Room, now: datetime) -> list[InvitationView]:
    """Return the invitations by which somebody can still come in."""
    return [invitation_view(room, name) for name in room.open_invitations(now)]


def invitation_view(room: Room, name: str) -> InvitationView:
    """Return an invitation, without what lets anybody in."""
    found = room.invitations[name]
    return InvitationView(
        invitation_id=name,
        role=found.role,
        by=room.name_of(found.by),
        made_at=found.made_at,
        expires_at=found.expires_at,
        uses=found.uses,
        used_by=tuple(room.name_of(subject) for subject in found.used_by),
    )
