"""Orchestration: who comes into a room, what he may do there, and who leaves it.

What is allowed is decided by `storage.room_changes`, in the very state that the change is made to. The room
is told of every change.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events.room_api import InvitationMade
from sleap_rtc.service.room_views import invitation_view
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.room import InvitationNotValid, Room, digest
from sleap_rtc.storage.room_changes import (
    InvitationRevoked,
    Invited,
    Joined,
    MemberRemoved,
    Renamed,
    RoleChanged,
)
from sleap_rtc.storage.room_record import RoomRecord

if TYPE_CHECKING:
    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.room_api import Invite
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.room import Role
    from sleap_rtc.storage.room_changes import RoomChange

_ID_CHARS = 12
_SECRET_BYTES = 24


class Members:
    """The members of all rooms.

    Every method but `join` raises NotFound for a room that the caller is not in.

    Args:
        store: the rooms bucket.
        rooms: tells who may enter.
        feed: tells the room.
    """

    def __init__(self, store: ObjectStore, rooms: Rooms, feed: RoomFeed) -> None:
        self._store = store
        self._views = Documents(store, Room)
        self._rooms = rooms
        self._feed = feed

    def invite(self, room_id: str, asked: Invite, caller: Caller) -> InvitationMade:
        """Make an invitation. Its secret is in the answer, and nowhere else.

        The same submission again makes the same invitation with another secret: the first one was lost.

        Raises:
            OwnersOnly: the caller is in the room, and not its owner.
            InvitationRefused: there are too many.
        """
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        submission = asked.submission_id or secrets.token_hex(16)
        change = Invited(
            invitation_id=hashlib.sha256(f"{caller.subject}\0{submission}".encode()).hexdigest()[:_ID_CHARS],
            role=asked.role,
            by=caller.subject,
            secret_sha256=digest(secret),
            expires_at=datetime.now(UTC) + timedelta(seconds=asked.expires_in_s),
            uses=asked.uses,
        )
        name = change.invitation_id
        view = invitation_view(self.record(room_id, change, caller), name)
        return InvitationMade(**dict(view), invitation=f"{room_id}.{name}.{secret}")

    def revoke(self, room_id: str, invitation_id: str, caller: Caller) -> None:
        """Take an invitation back. Raises OwnersOnly, and NotFound where the room has none of this id."""
        self._rooms.own(room_id, caller)
        self.record(room_id, InvitationRevoked(invitation_id=invitation_id, by=caller.subject), caller)

    def join(self, invitation: str, caller: Caller) -> Room:
        """Let the caller into the room that an invitation is to.

        Raises:
            InvitationNotValid: whatever is wrong with it.
        """
        room_id, _, rest = invitation.strip().partition(".")
        name, _, secret = rest.partition(".")
        change = Joined(
            subject=caller.subject, name=caller.name, invitation_id=name, secret_sha256=digest(secret)
        )
        if not keys.is_room_id(room_id):
            raise InvitationNotValid
        try:
            shown = self._views.read(keys.room_key(room_id)).value
        except NotFound:
            raise InvitationNotValid from None
        change.apply(shown, datetime.now(UTC))  # who only tries is answered before the room's log is read
        return self.record(room_id, change, caller)

    def set_role(self, room_id: str, subject: str, role: Role, caller: Caller) -> Room:
        """Give a member another role.

        Raises:
            OwnersOnly: the caller is in the room, and not its owner.
            NotFound: there is no such member.
            LastOwner: it is the last owner who would be none.
        """
        room = self._rooms.enter(room_id, caller)
        change = RoleChanged(subject=subject, name=room.name_of(subject), role=role, by=caller.subject)
        return self.record(room_id, change, caller)

    def remove(self, room_id: str, subject: str, caller: Caller) -> None:
        """Remove a member, or let the caller leave.

        Raises:
            OwnersOnly: it is somebody else, and the caller is not an owner.
            LastOwner: it is the last owner.
        """
        room = self._rooms.enter(room_id, caller)
        change = MemberRemoved(subject=subject, name=room.name_of(subject), by=caller.subject)
        self.record(room_id, change, caller)

    def rename(self, room_id: str, name: str, caller: Caller) -> Room:
        """Give the room another name. Raises OwnersOnly."""
        self._rooms.own(room_id, caller)
        return self.record(room_id, Renamed(name=name, by=caller.subject), caller)

    def record(self, room_id: str, change: RoomChange, caller: Caller) -> Room:
        """Make a change and tell the room of it. What the change raises is raised here."""
        now = datetime.now(UTC)
        room = RoomRecord(room_id, self._store).change(change, caller.subject, now)
        if room.updated_at == now:  # otherwise there was nothing to change
            key = f"members/{room.revision}"
            self._feed.tell_change(room_id, key, change.kind, change.words(), caller.name, now)
        return room
