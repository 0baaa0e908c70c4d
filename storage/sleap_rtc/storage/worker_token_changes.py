"""Pure: what can happen to the tokens of a room's workers, each as a value that the room's log keeps."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.room import Person
from sleap_rtc.storage.worker_token import (
    LONGEST_WORKER_TOKEN,
    MOST_WORKER_TOKENS,
    WorkerToken,
    worker_subject,
)

if TYPE_CHECKING:
    from sleap_rtc.storage.room import Room


class WorkerTokenRefused(InputError):
    """There is no such worker token: {why}."""

    why: str


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True)
    joins: ClassVar[bool] = False


class WorkerTokenMade(_Change):
    """A token for a worker was made. The same id again gives it another secret: nobody knows the first."""

    kind: Literal["worker_token_made"] = "worker_token_made"
    token_id: str
    name: str
    by: str
    token_sha256: str
    expires_at: datetime

    def apply(self, room: Room, at: datetime) -> Room:
        """Add the token, and forget those that have expired. Raises OwnersOnly, WorkerTokenRefused."""
        room.check_owner(self.by)
        if not at < self.expires_at <= at + LONGEST_WORKER_TOKEN:
            raise WorkerTokenRefused(why=f"one is good for {LONGEST_WORKER_TOKEN.days} days at most")
        others = {
            name: found
            for name, found in room.worker_tokens.items()
            if at < found.expires_at and name != self.token_id
        }
        if len(others) >= MOST_WORKER_TOKENS:
            raise WorkerTokenRefused(why=f"a room has {MOST_WORKER_TOKENS} at most; revoke some, or wait")
        made = WorkerToken(
            name=self.name,
            by=self.by,
            made_at=at,
            expires_at=self.expires_at,
            token_sha256=self.token_sha256,
        )
        worker = Person(name=self.name, since=at, invited_by=self.by)
        return room.model_copy(
            update={
                "worker_tokens": {**others, self.token_id: made},
                "people": {**room.people, worker_subject(self.token_id): worker},
            }
        )

    def words(self) -> str:
        """Say it."""
        until = f"{self.expires_at:%Y-%m-%d %H:%M}"
        return f"worker {self.name} was given a token, until {until} UTC (worker token {self.token_id})"


class WorkerTokenRevoked(_Change):
    """A worker's token was taken back."""

    kind: Literal["worker_token_revoked"] = "worker_token_revoked"
    token_id: str
    by: str

    def apply(self, room: Room, at: datetime) -> Room:  # noqa: ARG002
        """Take it back. Raises OwnersOnly, NotFound."""
        room.check_owner(self.by)
        found = room.worker_tokens.get(self.token_id)
        if found is None:
            raise NotFound(what=f"worker token {self.token_id} of room {room.room_id}")
        if found.revoked:
            return room
        revoked = {self.token_id: found.model_copy(update={"revoked": True})}
        return room.model_copy(update={"worker_tokens": {**room.worker_tokens, **revoked}})

    def words(self) -> str:
        """Say it."""
        return f"worker token {self.token_id} was taken back"
