"""Pure: what client and service say to each other about rooms and their members.

Everything that comes from outside is bounded here; what a change does and to whom stands in
`storage.room_changes`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from sleap_rtc.events.workers import WorkerView
from sleap_rtc.storage.room import INVITATION_LIFETIME, LONGEST_INVITATION, MOST_USES, Role

# No control characters: names end on other people's terminals.
RoomName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
SubmissionId = Annotated[str, Field(max_length=64)]
"""The same one from the same person makes one thing, however often it is sent."""
SHORTEST_INVITATION_S = 60


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class CreateRoom(_Request):
    """`POST /api/rooms`."""

    name: RoomName
    submission_id: SubmissionId = ""
    for_check: StrictBool = False
    """Opened to check the service: its owner can remove it, with all that is in it."""


class RenameRoom(_Request):
    """`PUT /api/rooms/{room_id}/name`."""

    name: RoomName


class RoomView(_Reply):
    """A room as one of its members sees it."""

    room_id: str
    name: str
    role: Role | Literal["worker"]
    created_at: datetime


class MemberView(_Reply):
    """A member. `invited_by` is a name for people; who opened the room was invited by nobody."""

    subject: str
    name: str
    role: Role
    since: datetime | None = None
    invited_by: str = ""


class InvitationView(_Reply):
    """An invitation by which somebody can still come in. What lets him in is not here."""

    invitation_id: str
    role: Role
    by: str
    made_at: datetime
    expires_at: datetime
    uses: int
    used_by: tuple[str, ...]


class RoomDetails(RoomView):
    """`GET /api/rooms/{room_id}`. Invitations are shown to owners."""

    members: tuple[MemberView, ...]
    invitations: tuple[InvitationView, ...]
    workers: tuple[WorkerView, ...]


class ChangeRole(_Request):
    """`PUT /api/rooms/{room_id}/members/{subject}`."""

    role: Role


class Invite(_Request):
    """`POST /api/rooms/{room_id}/invitations`."""

    role: Role = "member"
    expires_in_s: int = Field(
        int(INVITATION_LIFETIME.total_seconds()),
        ge=SHORTEST_INVITATION_S,
        le=int(LONGEST_INVITATION.total_seconds()),
    )
    uses: int = Field(1, ge=1, le=MOST_USES)
    submission_id: SubmissionId = ""


class InvitationMade(InvitationView):
    """The invitation as it is sent to whom it is for: a secret, and shown this once."""

    invitation: str


class JoinRoom(_Request):
    """`POST /api/join`: `{room_id}.{invitation_id}.{secret}`."""

    invitation: str = Field(min_length=1, max_length=200)


class TrailLine(_Reply):
    """Something that happened in a room: when, by whom (a name for people), what in words."""

    at: datetime
    by: str
    about: Literal["room", "model", "job"]
    kind: str
    text: str
