"""Orchestration: the short tokens by which whoever is no member of a room gets to its peers for two hours."""

from __future__ import annotations

import hmac
import secrets
import string
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Document, Documents
from sleap_rtc.storage.errors import InputError, NotFound

if TYPE_CHECKING:
    from sleap_rtc.storage.object_store import ObjectStore

TOKEN_HOLDS = timedelta(hours=2)
_LENGTH = 6
_LETTERS = string.ascii_lowercase + string.digits
_MOST_KEPT = 200
"""Every worker of a room makes one every hundred minutes."""


class RoomToken(BaseModel):
    """A token, and until when it holds."""

    token: str = Field(repr=False)
    created_by: str
    expires_at: datetime


class RoomTokens(Document):
    """`{room_id}/signaling.json`: the newest tokens, also those that ended, so that this can be said."""

    tokens: list[RoomToken] = Field(default_factory=list)


class Verdict(Enum):
    """What a token is worth; the value is what the existing server says of it."""

    GOOD = ""
    NO_ROOM = "Room not found"
    WRONG = "Invalid token"
    EXPIRED = "Room expired"


class SignalingRooms:
    """The tokens of all rooms, in the rooms bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._documents = Documents(store, RoomTokens)

    def open(self, room_id: str, subject: str, now: datetime) -> RoomToken:
        """Make a token for a room; those that it has stay good."""
        token = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        fresh = RoomToken(token=token, created_by=subject, expires_at=now + TOKEN_HOLDS)

        def with_token(document: RoomTokens) -> RoomTokens:
            return document.model_copy(update={"tokens": [*document.tokens, fresh][-_MOST_KEPT:]})

        self._documents.change(keys.signaling_key(room_id), with_token, RoomTokens)
        return fresh

    def judge(self, room_id: str, token: str, now: datetime) -> Verdict:
        """Tell what somebody's token is worth in a room."""
        try:
            known = self._documents.read(keys.signaling_key(keys.checked_room_id(room_id))).value.tokens
        except (NotFound, InputError):
            return Verdict.NO_ROOM
        same = [one for one in known if hmac.compare_digest(one.token.encode(), token.encode())]
        if not same:
            return Verdict.WRONG
        return Verdict.GOOD if any(now < one.expires_at for one in same) else Verdict.EXPIRED

    def close(self, room_id: str) -> None:
        """Make every token of a room worthless."""
        key = keys.signaling_key(room_id)
        self._documents.change(key, lambda document: document.model_copy(update={"tokens": []}), RoomTokens)
