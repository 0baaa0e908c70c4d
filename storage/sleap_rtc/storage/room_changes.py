"""Pure: what can happen to a room and its members, each as a value that the room's log keeps.

`by` is the token subject of whoever makes the change, and what he may do is looked at in the very state that
the change is applied to: of two owners who take the role from each other at once, one comes second, and is no
owner any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.room import (
    LONGEST_INVITATION,
    MOST_OPEN_INVITATIONS,
    MOST_USES,
    RANK,
    Invitation,
    InvitationNotValid,
    InvitationRefused,
    LastOwner,
    Person,
    Role,
    Room,
    RoomIdTaken,
)
from sleap_rtc.storage.worker_token_changes import WorkerTokenMade, WorkerTokenRevoked


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True)
    joins: ClassVar[bool] = False


class Opened(_Change):
    """The room was opened; whoever opens it owns it."""

    kind: Literal["opened"] = "opened"
    name: str
    by: str
    by_name: str
    opening: str

    def apply(self, room: Room, at: datetime) -> Room:
        """Open it. Raises RoomIdTaken."""
        if room.created_by:
            if room.opening == self.opening and room.created_by == self.by and room.role_of(self.by):
                return room
            raise RoomIdTaken(room_id=room.room_id)
        return _changed(
            room,
            name=self.name,
            created_by=self.by,
            created_at=at,
            opening=self.opening,
            members={self.by: "owner"},
            people={self.by: Person(name=self.by_name, since=at)},
        )

    def words(self) -> str:
        """Say it."""
        return f"the room was opened as {self.name}"


class Renamed(_Change):
    """The room has another name."""

    kind: Literal["renamed"] = "renamed"
    name: str
    by: str

    def apply(self, room: Room, at: datetime) -> Room:  # noqa: ARG002
        """Change the name. Raises OwnersOnly, NotFound."""
        room.check_owner(self.by)
        return room if room.name == self.name else _changed(room, name=self.name)

    def words(self) -> str:
        """Say it."""
        return f"the room is called {self.name} now"


class Invited(_Change):
    """An invitation was made. The same id again gives it another secret: nobody got to know the first."""

    kind: Literal["invited"] = "invited"
    invitation_id: str
    role: Role
    by: str
    secret_sha256: str
    expires_at: datetime
    uses: int

    def apply(self, room: Room, at: datetime) -> Room:
        """Add the invitation, and forget those that have expired. Raises OwnersOnly, InvitationRefused."""
        room.check_owner(self.by)
        if not at < self.expires_at <= at + LONGEST_INVITATION:
            raise InvitationRefused(why=f"one is good for {LONGEST_INVITATION.days} days at most")
        if not 1 <= self.uses <= MOST_USES:
            raise InvitationRefused(why=f"one is for 1 to {MOST_USES:,} people")
        others = {
            name: found
            for name, found in room.invitations.items()
            if at < found.expires_at and name != self.invitation_id
        }
        if len(others) >= MOST_OPEN_INVITATIONS:
            raise InvitationRefused(why=f"a room has {MOST_OPEN_INVITATIONS} at most; revoke some, or wait")
        made = Invitation(
            role=self.role,
            by=self.by,
            made_in=room.revision + 1,
            made_at=at,
            expires_at=self.expires_at,
            uses=self.uses,
            secret_sha256=self.secret_sha256,
        )
        return _changed(room, invitations={**others, self.invitation_id: made})

    def words(self) -> str:
        """Say it."""
        people = "one person was" if self.uses == 1 else f"up to {self.uses} people were"
        return (
            f"{people} invited as {self.role}, until {self.expires_at:%Y-%m-%d %H:%M} UTC"
            f" (invitation {self.invitation_id})"
        )


class InvitationRevoked(_Change):
    """An invitation was taken back."""

    kind: Literal["invitation_revoked"] = "invitation_revoked"
    invitation_id: str
    by: str

    def apply(self, room: Room, at: datetime) -> Room:  # noqa: ARG002
        """Take it back. Raises OwnersOnly, NotFound."""
        room.check_owner(self.by)
        found = room.invitations.get(self.invitation_id)
        if found is None:
            raise NotFound(what=f"invitation {self.invitation_id} to room {room.room_id}")
        if found.revoked:
            return room
        revoked = {self.invitation_id: found.model_copy(update={"revoked": True})}
        return _changed(room, invitations={**room.invitations, **revoked})

    def words(self) -> str:
        """Say it."""
        return f"invitation {self.invitation_id} was taken back"


class Joined(_Change):
    """Somebody came in by an invitation."""

    kind: Literal["joined"] = "joined"
    subject: str
    name: str
    invitation_id: str
    secret_sha256: str

    def apply(self, room: Room, at: datetime) -> Room:
        """Let him in. A role is never lowered by it.

        Raises:
            InvitationNotValid: whatever is wrong with the invitation, so that nothing is learnt of it.
        """
        found = room.invitations.get(self.invitation_id)
        if found is None or not found.has(self.secret_sha256):
            raise InvitationNotValid
        present = room.role_of(self.subject)
        if self.subject in found.used_by and present is not None:
            return room
        known = room.people.get(self.subject, Person(name=self.name, since=at))
        if not found.is_open(at) or found.made_in <= known.lowered_in:
            raise InvitationNotValid
        if present is not None and RANK[present] >= RANK[found.role]:
            return room
        since = at if present is None else known.since
        person = known.model_copy(update={"name": self.name, "since": since, "invited_by": found.by})
        used = found.model_copy(update={"used_by": (*found.used_by, self.subject)})
        return _changed(
            room,
            members={**room.members, self.subject: found.role},
            people={**room.people, self.subject: person},
            invitations={**room.invitations, self.invitation_id: used},
        )

    def words(self) -> str:
        """Say it."""
        return f"{self.name} joined by invitation {self.invitation_id}"


class RoleChanged(_Change):
    """A member has another role."""

    kind: Literal["role_changed"] = "role_changed"
    subject: str
    name: str
    role: Role
    by: str

    def apply(self, room: Room, at: datetime) -> Room:
        """Change the role. Raises OwnersOnly, NotFound, LastOwner."""
        present = _member(room, self.subject)
        if present == self.role and room.role_of(self.by):
            return room
        room.check_owner(self.by)
        if room.is_last_owner(self.subject):
            raise LastOwner(name=self.name, room_id=room.room_id)
        changed = _changed(room, members={**room.members, self.subject: self.role})
        return changed if RANK[self.role] > RANK[present] else _lowered(changed, self.subject, self.name, at)

    def words(self) -> str:
        """Say it."""
        return f"{self.name} is {self.role} now"


class MemberRemoved(_Change):
    """A member is not one any more: he left, or an owner removed him."""

    kind: Literal["member_removed"] = "member_removed"
    subject: str
    name: str
    by: str

    def apply(self, room: Room, at: datetime) -> Room:
        """Take him off. Raises OwnersOnly, NotFound, LastOwner."""
        if self.by != self.subject:
            room.check_owner(self.by)
        if self.subject not in room.members:
            return room
        if room.is_last_owner(self.subject):
            raise LastOwner(name=self.name, room_id=room.room_id)
        left = {subject: role for subject, role in room.members.items() if subject != self.subject}
        return _lowered(_changed(room, members=left), self.subject, self.name, at)

    def words(self) -> str:
        """Say it."""
        return f"{self.name} {'left' if self.by == self.subject else 'was removed'}"


RoomChange = Annotated[
    Opened
    | Renamed
    | Invited
    | InvitationRevoked
    | Joined
    | RoleChanged
    | MemberRemoved
    | WorkerTokenMade
    | WorkerTokenRevoked,
    Field(discriminator="kind"),
]


def _changed(room: Room, **fields: Any) -> Room:
    return room.model_copy(update=fields)


def _member(room: Room, subject: str) -> Role:
    role = room.role_of(subject)
    if role is None:
        raise NotFound(what=f"member {subject} of room {room.room_id}")
    return role


def _lowered(room: Room, subject: str, name: str, at: datetime) -> Room:
    """Take the ways back from one who may do less now: older invitations to him, and what he gave away."""
    known = room.people.get(subject, Person(name=name, since=at))
    invitations = {
        made: found.model_copy(update={"revoked": True}) if found.by == subject else found
        for made, found in room.invitations.items()
    }
    tokens = {
        made: found.model_copy(update={"revoked": True}) if found.by == subject else found
        for made, found in room.worker_tokens.items()
    }
    lowered = known.model_copy(update={"lowered_in": room.revision + 1})
    return _changed(
        room, people={**room.people, subject: lowered}, invitations=invitations, worker_tokens=tokens
    )
