"""Adapter: the local stack's own token issuer.

Its private key lies in the stack's folder, its public key is served on loopback; the service verifies its
tokens in the same way as those of a real identity provider.
"""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "urn:sleap-rtc:local"
AUDIENCE = "sleap-rtc"
_KEY_ID = "local"
_LIFETIME_S = 12 * 3600


class LocalIssuer:
    """Issues tokens for one stack, and publishes the key to verify them with until it is closed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key_file = folder / "key.pem"
        self._jwks_file = folder / "jwks.json"
        if not (self._key_file.exists() and self._jwks_file.exists()):
            self._make_key()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _publisher(self._jwks_file.read_bytes()))
        threading.Thread(target=self._server.serve_forever, name="jwks", daemon=True).start()

    @property
    def jwks_url(self) -> str:
        """Where the service finds the public key."""
        return f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"

    def close(self) -> None:
        """Stop publishing the key."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, subject: str) -> str:
        """Return a token for somebody, good for twelve hours."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "name": subject,
            "iat": now,
            "exp": now + _LIFETIME_S,
        }
        key = self._key_file.read_text(encoding="ascii")
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _KEY_ID})

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


def _publisher(keys: bytes) -> type[BaseHTTPRequestHandler]:
    class Publisher(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(keys)))
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    return Publisher
