"""Pure: the token of one worker in one room: what it looks like, and what the room keeps of it.

It has three parts, as a JSON Web Token has, so that its holder can read whom it was made for:
`slrtw1.{base64url of {"sub", "room"}}.{secret}`. Nothing in it is believed: the room knows its SHA-256, and
how long it holds.
"""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

WORKER_TOKEN_LIFETIME = timedelta(days=90)
LONGEST_WORKER_TOKEN = timedelta(days=366)
MOST_WORKER_TOKENS = 100

_PREFIX = "slrtw1."
_SUBJECT = "worker-"
_LONGEST = 512


class WorkerToken(BaseModel):
    """A worker's way into a room. Its secret is known to the worker alone; here is only the SHA-256."""

    model_config = ConfigDict(frozen=True)

    name: str
    by: str
    made_at: datetime
    expires_at: datetime
    revoked: bool = False
    token_sha256: str

    def is_good(self, now: datetime) -> bool:
        """Tell whether it still lets the worker in."""
        return not self.revoked and now < self.expires_at

    def has(self, token_sha256: str) -> bool:
        """Tell whether the token has this digest; takes as long whatever the answer is."""
        return hmac.compare_digest(self.token_sha256, token_sha256)


def worker_subject(token_id: str) -> str:
    """Return whom the token of this id is made for."""
    return f"{_SUBJECT}{token_id}"


def worker_token(room_id: str, token_id: str, secret: str) -> str:
    """Return the token that a worker is given."""
    claims = json.dumps({"sub": worker_subject(token_id), "room": room_id}, separators=(",", ":"))
    return f"{_PREFIX}{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.{secret}"


def is_worker_token(token: str) -> bool:
    """Tell whether a token says that it is a worker's."""
    return token.startswith(_PREFIX)


def place_of(token: str) -> tuple[str, str]:
    """Return which room and token id a token claims to be of; both are as its holder made them.

    Raises:
        ValueError: it is no worker's token.
    """
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3 or not is_worker_token(token):  # noqa: PLR2004 - as of any token
        raise ValueError("no worker's token")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except RecursionError as error:
        raise ValueError("no worker's token") from error
    match claims:
        case {"sub": str(subject), "room": str(room_id)} if subject.startswith(_SUBJECT):
            return room_id, subject.removeprefix(_SUBJECT)
    raise ValueError("no worker's token")
