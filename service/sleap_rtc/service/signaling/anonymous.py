"""Adapter: tokens for anybody, as the existing tool's clients and workers ask for them.

They are signed with a key that lies in the rooms bucket, so that every instance takes them. They are taken by
the signaling server alone: nothing else of the service knows them.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sleap_rtc.service.identity import Caller, Unauthenticated
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Document, Documents

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.service.identity import Verifier
    from sleap_rtc.storage.object_store import ObjectStore

_ISSUER = "urn:sleap-rtc:anonymous"
_AUDIENCE = "sleap-rtc-signaling"
_ALGORITHM = "HS256"
# The existing tool never renews its token, and a worker registers again after each client.
TOKEN_HOLDS = timedelta(hours=12)


class AnonymousKey(Document):
    """`.signaling/anonymous-key.json`."""

    secret: str


@dataclass(frozen=True)
class SignedIn:
    """A token and whom it was made for."""

    id_token: str
    username: str


class AnonymousSignIn:
    """Gives tokens to anybody, and knows them again."""

    def __init__(self, store: ObjectStore) -> None:
        self._documents = Documents(store, AnonymousKey)
        self._secret = ""

    def sign_in(self, now: datetime) -> SignedIn:
        """Return a token for somebody who was never here before."""
        import jwt

        username = str(uuid.uuid4())
        claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": username, "iat": now, "exp": now + TOKEN_HOLDS}
        return SignedIn(jwt.encode(claims, self._key(), algorithm=_ALGORITHM), username)

    def verify(self, token: str) -> Caller:
        """Return who the token was made for. Raises Unauthenticated."""
        import jwt

        required = ["exp", "iat", "sub", "iss", "aud"]
        try:
            claims = jwt.decode(
                token,
                self._key(),
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                options={"require": required},
            )
        except (jwt.PyJWTError, ArithmeticError, RecursionError, ValueError) as error:
            raise Unauthenticated(why="the token is not valid (any more)") from error
        return Caller(claims["sub"], claims["sub"])

    def _key(self) -> str:
        if not self._secret:
            self._documents.create(keys.ANONYMOUS_KEY, AnonymousKey(secret=secrets.token_hex(32)))
            self._secret = self._documents.read(keys.ANONYMOUS_KEY).value.secret
        return self._secret


class LiveCallers:
    """Knows who is calling the signaling server: callers of the service, and anonymous peers if they may."""

    def __init__(self, tokens: Verifier, anonymous: AnonymousSignIn | None) -> None:
        self._tokens = tokens
        self._anonymous = anonymous

    def verify(self, token: str) -> Caller:
        """Return who the token was made for. Raises Unauthenticated."""
        if self._anonymous is not None and _claims_to_be_anonymous(token):
            return self._anonymous.verify(token)
        return self._tokens.verify(token)


def _claims_to_be_anonymous(token: str) -> bool:
    import jwt

    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        return False
    # Only picks who verifies the token.
    return bool(claims.get("iss") == _ISSUER)
