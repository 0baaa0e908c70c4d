"""Pure: what a room is, and who may enter it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from sleap_rtc.storage.document import Document

Role = Literal["owner", "member", "reader"]


class Room(Document):
    """`{room_id}/room.json`: members by the subject of their token."""

    room_id: str
    name: str
    created_by: str
    created_at: datetime
    members: dict[str, Role] = Field(default_factory=dict)

    def role_of(self, subject: str) -> Role | None:
        """Return the role of whoever has this token subject, None for a stranger."""
        return self.members.get(subject)
