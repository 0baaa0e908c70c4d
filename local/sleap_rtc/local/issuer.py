"""Adapter: the local stack's own token issuer.

Its private key lies in the stack's folder, its public key is served on loopback, and so are the pages where
people sign in; the service verifies its tokens in the same way as those of a real identity provider.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sleap_rtc.local.issuer_pages import serve_pages
from sleap_rtc.local.sign_in_desk import SignInDesk

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "urn:sleap-rtc:local"
AUDIENCE = "sleap-rtc"
_KEY_ID = "local"
_LIFETIME_S = 12 * 3600
_LOGIN_LIFETIME_S = 3600


class LocalIssuer:
    """Issues tokens for one stack, and lets people sign in, until it is closed.

    Args:
        folder: has its key.
        user: the name that its sign-in page suggests.
    """

    def __init__(self, folder: Path, user: str = "local-user") -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key_file = folder / "key.pem"
        self._jwks_file = folder / "jwks.json"
        if not (self._key_file.exists() and self._jwks_file.exists()):
            self._make_key()
        self.name = ISSUER
        self.user = user
        self.desk = SignInDesk(AUDIENCE)
        self.published_keys = self._jwks_file.read_bytes()
        self._server = serve_pages(self)

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def jwks_url(self) -> str:
        """Where the service finds the public key."""
        return f"{self.url}/.well-known/jwks.json"

    @property
    def discovery_url(self) -> str:
        """Where clients find what it offers."""
        return f"{self.url}/.well-known/openid-configuration"

    def close(self) -> None:
        """Stop publishing the key and signing people in."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, subject: str, *, access: bool = False, **changed: Any) -> str:
        """Return a token for somebody, of the form that Amazon Cognito's have, good for twelve hours.

        Args:
            subject: whom it is for.
            access: whether it is an access token rather than an id token.
            changed: claims that are to be other than they would be; None leaves one out.
        """
        now = int(time.time())
        holder = {"aud": AUDIENCE, "name": subject}
        if access:
            holder = {"client_id": AUDIENCE, "username": subject}
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "token_use": "access" if access else "id",
            "iat": now,
            "exp": now + _LIFETIME_S,
            **holder,
            **changed,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        key = self._key_file.read_text(encoding="ascii")
        return jwt.encode(kept, key, algorithm="RS256", headers={"kid": _KEY_ID})

    def signed_in(self, name: str, renewal: str) -> dict[str, Any]:
        """Return what somebody gets who signed in (RFC 6749, 5.1): tokens for an hour, what renews them."""
        until = int(time.time()) + _LOGIN_LIFETIME_S
        return {
            "id_token": self.token(name, exp=until),
            "access_token": self.token(name, access=True, exp=until),
            "refresh_token": renewal,
            "token_type": "Bearer",
            "expires_in": _LOGIN_LIFETIME_S,
        }

    def _make_key(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        keys = {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}
        self._jwks_file.write_text(json.dumps(keys), encoding="ascii")
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._key_file.unlink(missing_ok=True)
        handle = os.open(self._key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
