"""Orchestration: tokens for workers: each for one room, with an end, taken back by an owner at any time.

Somebody's own token ends within the day and may do all that he may. A worker that stands in a lab for months
has one that may do its work, and is known to the service by its SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sleap_rtc.events.worker_token_api import WorkerTokenGiven, WorkerTokenView
from sleap_rtc.service.identity import Caller, Unauthenticated
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.room import Room, digest
from sleap_rtc.storage.worker_token import is_worker_token, place_of, worker_subject, worker_token
from sleap_rtc.storage.worker_token_changes import WorkerTokenMade, WorkerTokenRevoked

if TYPE_CHECKING:
    from sleap_rtc.events.worker_token_api import GiveWorkerToken
    from sleap_rtc.service.identity import Verifier
    from sleap_rtc.service.members import Members
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.storage.object_store import ObjectStore

_ID_CHARS = 12
_SECRET_BYTES = 32


class WorkerTokens:
    """The tokens of all rooms' workers.

    Args:
        store: the rooms bucket.
        rooms: tells who may enter.
        members: makes the changes.
    """

    def __init__(self, store: ObjectStore, rooms: Rooms, members: Members) -> None:
        self._views = Documents(store, Room)
        self._rooms = rooms
        self._members = members

    def give(self, room_id: str, asked: GiveWorkerToken, caller: Caller) -> WorkerTokenGiven:
        """Make a token. It is in the answer, and nowhere else.

        The same submission again makes the same token with another secret: the first one was lost.

        Raises:
            NotFound: there is no such room, or the caller is not in it.
            OwnersOnly: he is in the room, and not its owner.
            WorkerTokenRefused: there are too many.
        """
        self._rooms.own(room_id, caller)
        submission = asked.submission_id or secrets.token_hex(16)
        made = hashlib.sha256(f"worker\0{caller.subject}\0{submission}".encode()).hexdigest()[:_ID_CHARS]
        token = worker_token(room_id, made, secrets.token_urlsafe(_SECRET_BYTES))
        change = WorkerTokenMade(
            token_id=made,
            name=asked.name,
            by=caller.subject,
            token_sha256=digest(token),
            expires_at=datetime.now(UTC) + timedelta(seconds=asked.expires_in_s),
        )
        view = _view(self._members.record(room_id, change, caller), made)
        return WorkerTokenGiven(**dict(view), token=token)

    def list(self, room_id: str, caller: Caller) -> list[WorkerTokenView]:
        """Return the tokens that still let a worker in, oldest first. Raises NotFound, OwnersOnly."""
        room = self._rooms.own(room_id, caller)
        return [_view(room, name) for name in room.good_worker_tokens(datetime.now(UTC))]

    def revoke(self, room_id: str, token_id: str, caller: Caller) -> None:
        """Take a token back. Raises OwnersOnly, and NotFound where the room has none of this id."""
        self._rooms.own(room_id, caller)
        self._members.record(room_id, WorkerTokenRevoked(token_id=token_id, by=caller.subject), caller)

    def verify(self, token: str) -> Caller:
        """Return which worker it is (one GET).

        Raises:
            Unauthenticated: whatever is wrong with the token.
            Unreachable: the store does not answer.
        """
        try:
            room_id, name = place_of(token)
            room = self._views.read(keys.room_key(keys.checked_room_id(room_id))).value
        except (ValueError, NotFound, InputError):
            raise Unauthenticated(why="the token is not valid (any more)") from None
        found = room.worker_tokens.get(name)
        if found is None or not found.has(digest(token)) or not found.is_good(datetime.now(UTC)):
            raise Unauthenticated(why="the token is not valid (any more)")
        return Caller(worker_subject(name), found.name, works_in=room_id)


class AnyToken:
    """Knows people by the tokens of the issuer, and workers by those of their rooms."""

    def __init__(self, people: Verifier, workers: WorkerTokens) -> None:
        self._people = people
        self._workers = workers

    def verify(self, token: str) -> Caller:
        """Return who the token was made for. Raises Unauthenticated, Unreachable."""
        return (self._workers if is_worker_token(token) else self._people).verify(token)


def _view(room: Room, name: str) -> WorkerTokenView:
    found = room.worker_tokens[name]
    return WorkerTokenView(
        token_id=name,
        name=found.name,
        by=room.name_of(found.by),
        made_at=found.made_at,
        expires_at=found.expires_at,
    )
