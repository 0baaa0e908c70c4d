"""Pure: the browser's way to the issuer and back: an authorization request with PKCE, and what comes back.

RFC 6749 (4.1), RFC 7636, RFC 8252 (the way back is to a port of this machine), RFC 9207.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_WORDS = 200


class NotTheAnswer(ValueError):
    """Whatever came back is no answer to this request."""


class Declined(ValueError):
    """The issuer said no; the message is its reason."""


@dataclass(frozen=True)
class SignInRequest:
    """One attempt to sign in; what is random in it is good once.

    Attributes:
        issuer: who is asked.
        client_id: as whose client.
        scopes: what is asked for.
        redirect_uri: where the browser comes back to.
        state: comes back with the answer.
        verifier: shows, when the code is redeemed, that it was asked for from here.
    """

    issuer: str
    client_id: str
    scopes: Sequence[str]
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def address(self, authorization_endpoint: str) -> str:
        """Return the address that the browser opens."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scopes),
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(authorization_endpoint).query else "?"
        return f"{authorization_endpoint}{joint}{urlencode(asked)}"

    def code_in(self, path: str) -> str:
        """Return the code that came back.

        Args:
            path: which the browser asked this machine for, with its query.

        Raises:
            NotTheAnswer: it is somebody else's request.
            Declined: the issuer says no.
        """
        came = urlsplit(path)
        said = {name: values[0] for name, values in parse_qs(came.query).items() if len(values) == 1}
        mine = hmac.compare_digest(said.get("state", "").encode(), self.state.encode())
        if came.path != urlsplit(self.redirect_uri).path or not mine:
            raise NotTheAnswer
        if said.get("iss", self.issuer) != self.issuer:
            raise Declined("the answer came from another issuer")
        if "code" not in said:
            raise Declined(in_words(said.get("error", ""), said.get("error_description", "")))
        return said["code"]


def in_words(error: str, description: str = "") -> str:
    """Return why an issuer said no, without what a terminal would take for a command."""
    known = {
        "access_denied": "it was declined there",
        "expired_token": "nobody signed in in time",
        "invalid_client": "the issuer does not know this client (audience of the service)",
        "unauthorized_client": "the issuer does not let this client sign people in so",
        "invalid_scope": "the issuer does not let this client ask for that (sign_in_scopes of the service)",
    }
    words = known.get(error) or description or error or "no reason was given"
    return "".join(char for char in words if char.isprintable())[:_LONGEST_WORDS].rstrip(".")
