"""Pure: what a room is, who may enter it, and which invitations to it are out."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.change_log import Logged
from sleap_rtc.storage.errors import InputError, NotFound, Refused
from sleap_rtc.storage.worker_token import WorkerToken, worker_subject

Role = Literal["owner", "member", "reader"]
RANK: dict[Role, int] = {"reader": 0, "member": 1, "owner": 2}
"""The more, the more one may do."""

INVITATION_LIFETIME = timedelta(days=7)
LONGEST_INVITATION = timedelta(days=30)
MOST_USES = 1_000
MOST_OPEN_INVITATIONS = 100


class InvitationNotValid(InputError):
    """This invitation is not valid (any more): ask for a new one."""


class InvitationRefused(InputError):
    """There is no such invitation: {why}."""

    why: str


class LastOwner(InputError):
    """{name} is the last owner of room {room_id}, and a room needs one. Make somebody else an owner first:
    `sleap-rtc rooms members -r {room_id} --set-role NAME=owner`."""

    name: str
    room_id: str


class OwnersOnly(Refused):
    """Only an owner of room {room_id} may do that. `sleap-rtc rooms members -r {room_id}` shows who they
    are."""

    room_id: str


class RoomIdTaken(InputError):
    """There is a room {room_id} already."""

    room_id: str


class Person(BaseModel):
    """Whoever is or was in a room: the name for people, since when, and who (by subject) invited him.

    `lowered_in` is the revision in which he last left, was removed or got a lesser role: invitations from
    before do nothing for him.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    since: datetime
    invited_by: str = ""
    lowered_in: int = 0


class Invitation(BaseModel):
    """A way into a room. Its secret is known to those whom it was sent to; here is only its SHA-256.

    `made_in` is the revision of the room that made it; clocks differ, revisions do not.
    """

    model_config = ConfigDict(frozen=True)

    role: Role
    by: str
    made_in: int
    made_at: datetime
    expires_at: datetime
    uses: int = 1
    used_by: tuple[str, ...] = ()
    revoked: bool = False
    secret_sha256: str

    def is_open(self, now: datetime) -> bool:
        """Tell whether somebody can still come in by it."""
        return not self.revoked and now < self.expires_at and len(self.used_by) < self.uses

    def has(self, secret_sha256: str) -> bool:
        """Tell whether its secret has this digest; takes as long whatever the answer is."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)


class Room(Logged):
    """`{room_id}/room.json`: members by the subject of their token.

    `people` has everybody who was ever in, so that what he did keeps his name. `opening` says which request
    opened the room, so that one whose reply was lost opens no second one.
    """

    room_id: str
    name: str
    created_by: str
    created_at: datetime
    opening: str = ""
    members: dict[str, Role] = Field(default_factory=dict)
    people: dict[str, Person] = Field(default_factory=dict)
    invitations: dict[str, Invitation] = Field(default_factory=dict)
    worker_tokens: dict[str, WorkerToken] = Field(default_factory=dict)

    @classmethod
    def unopened(cls, room_id: str) -> Room:
        """Return a room that nobody has opened yet."""
        return cls(room_id=room_id, name="", created_by="", created_at=datetime.fromtimestamp(0, UTC))

    def role_of(self, subject: str) -> Role | None:
        """Return the role of whoever has this token subject, None for a stranger."""
        return self.members.get(subject)

    def check_owner(self, subject: str) -> None:
        """Return if this one owns the room. Raises OwnersOnly, and NotFound for a stranger."""
        role = self.role_of(subject)
        if role is None:
            raise NotFound(what=f"room {self.room_id}")
        if role != "owner":
            raise OwnersOnly(room_id=self.room_id)

    def has_worker(self, subject: str) -> bool:
        """Tell whether a token of the room was made for this subject."""
        return subject in map(worker_subject, self.worker_tokens)

    def name_of(self, subject: str) -> str:
        """Return the name of somebody who is or was in the room; his subject where none is known."""
        found = self.people.get(subject)
        return found.name if found else subject

    def is_last_owner(self, subject: str) -> bool:
        """Tell whether the room would have no owner without this one."""
        return [one for one, role in self.members.items() if role == "owner"] == [subject]

    def open_invitations(self, now: datetime) -> dict[str, Invitation]:
        """Return the invitations by which somebody can still come in, oldest first."""
        return {name: found for name, found in self.invitations.items() if found.is_open(now)}

    def good_worker_tokens(self, now: datetime) -> dict[str, WorkerToken]:
        """Return the workers' tokens that still let one in, oldest first."""
        return {name: found for name, found in self.worker_tokens.items() if found.is_good(now)}


def digest(secret: str) -> str:
    """Return what a room keeps of a secret that it gave away."""
    return hashlib.sha256(secret.encode()).hexdigest()
