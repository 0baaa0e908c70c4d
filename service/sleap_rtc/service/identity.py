"""Adapter: who is calling, from a signed token.

Tokens are verified with PyJWT against the issuer's published keys: RS256 alone, with issuer, audience, expiry
and subject required. The embedded stack's own issuer goes through the same verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import Refused

if TYPE_CHECKING:
    from sleap_rtc.settings import Settings

_LEEWAY_S = 60
_LONGEST_NAME = 128


class Unauthenticated(Refused):
    """The service does not know who is calling: {why}. Ask for a new token (SLEAP_RTC_TOKEN)."""

    why: str


@dataclass(frozen=True)
class Caller:
    """Who is calling: the token's subject, and a name for people."""

    subject: str
    name: str


class TokenVerifier:
    """Verifies tokens of one issuer."""

    def __init__(self, settings: Settings) -> None:
        import jwt

        self._issuer = settings.issuer
        self._audience = settings.audience
        self._keys = jwt.PyJWKClient(settings.jwks_url, cache_keys=True, lifespan=3600, timeout=5)

    def verify(self, token: str) -> Caller:
        """Return who the token was made for.

        Raises:
            Unauthenticated: the token is missing, forged, expired, or made for somebody else.
        """
        import jwt

        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(why="the token is not valid (any more)") from error
        return Caller(claims["sub"], _plain(str(claims.get("name", ""))) or claims["sub"])


def _plain(name: str) -> str:
    """Return a name without what a terminal would take for a command, and not longer than names are."""
    return "".join(char for char in name if char.isprintable())[:_LONGEST_NAME].strip()
