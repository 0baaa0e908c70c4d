"""Adapter: who is calling, from a signed token.

Tokens are verified with PyJWT against the issuer's published keys: RS256 alone, with issuer, audience, use,
expiry and subject required. The embedded stack's own issuer goes through the same verification. Whatever is
wrong with a token, its holder gets one answer; the log has the reason.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.service.key_set import KeySet
from sleap_rtc.service.token_claims import ALGORITHM, LEEWAY_S, ClaimsRefused, holder_of, key_id_of
from sleap_rtc.storage.errors import Refused

if TYPE_CHECKING:
    from sleap_rtc.settings import Settings

log = logging.getLogger(__name__)


class Unauthenticated(Refused):
    """The service does not know who is calling: {why}. Run `sleap-rtc login`, or set a new token
    (SLEAP_RTC_TOKEN)."""

    why: str


class WorkersWorkOnly(Refused):
    """A worker's token is good for the work in room {room_id} and for nothing else. To do more than that, run
    `sleap-rtc login`, or set a token of your own (SLEAP_RTC_TOKEN)."""

    room_id: str


@dataclass(frozen=True)
class Caller:
    """Who is calling: the token's subject, and a name for people.

    `works_in` is the room of a worker's token, which is good for a worker's calls there and for nothing else;
    empty for people.
    """

    subject: str
    name: str
    works_in: str = ""


class Verifier(Protocol):
    """Knows who is calling."""

    def verify(self, token: str) -> Caller:
        """Return who the token was made for.

        Raises:
            Unauthenticated: the token is forged, expired, or made for somebody else.
            Unreachable: that cannot be told at the moment.
        """
        ...


class TokenVerifier:
    """Verifies tokens of one issuer.

    Args:
        settings: say which issuer, and what its tokens name as the audience.
        keys: those of the issuer, if they are not to be had at its address.
    """

    def __init__(self, settings: Settings, keys: KeySet | None = None) -> None:
        self._issuer = settings.issuer
        self._audience = settings.audience
        self._keys = keys or KeySet(settings.jwks_url)

    def verify(self, token: str) -> Caller:
        """Return who the token was made for.

        Raises:
            Unauthenticated: the token is forged, expired, or made for somebody else.
            KeysUnavailable: the issuer's keys cannot be had.
        """
        import jwt

        try:
            key = self._keys.key(key_id_of(token))
            if key is None:
                raise ClaimsRefused("an unknown key")
            jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": False},
            )
            holder = holder_of(token, self._audience)
        except (jwt.PyJWTError, ArithmeticError, RecursionError, ValueError) as error:
            log.info("a token was refused: %s", error)
            raise Unauthenticated(why="the token is not valid (any more)") from None
        return Caller(holder.subject, holder.name)
