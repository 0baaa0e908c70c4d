"""Pure: which STUN and TURN servers a peer is told of, with TURN credentials that hold for an hour."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sleap_rtc.live.ice_server import IceServer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

CREDENTIALS_HOLD = timedelta(hours=1)


@dataclass(frozen=True)
class IceServers:
    """The servers of the settings.

    Attributes:
        turn_secret: what the TURN servers share with the service; without it they are not offered, since a
            peer connection takes no TURN server without credentials.
    """

    stun_urls: Sequence[str] = ()
    turn_urls: Sequence[str] = ()
    turn_secret: str = field(default="", repr=False)

    def stun(self) -> list[IceServer]:
        """Return the servers that need no credentials."""
        return [IceServer(urls=list(self.stun_urls))] if self.stun_urls else []

    def for_subject(self, subject: str, now: datetime) -> list[IceServer]:
        """Return all servers, with credentials for somebody.

        The credentials are those of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00): the user
        is the time at which they end and a name, the password the Base64 of the user's HMAC-SHA1.
        """
        if not (self.turn_urls and self.turn_secret):
            return self.stun()
        username = f"{int((now + CREDENTIALS_HOLD).timestamp())}:{subject}"
        digest = hmac.new(self.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        credential = base64.b64encode(digest).decode("ascii")
        turn = IceServer(urls=list(self.turn_urls), username=username, credential=credential)
        return [*self.stun(), turn]
