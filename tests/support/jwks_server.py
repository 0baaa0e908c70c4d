"""A real HTTP server that publishes keys, counts who asks for them, and can be down, slow or wrong."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from types import TracebackType


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key to sign with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def published(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    """Return the public part of a key as it is published."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": kid, "use": "sig", "alg": "RS256", **more}


class JwksServer:
    """Publishes keys while the block runs.

    `fetches` counts the requests; `status` and `body` are the answer, and `open_door` is cleared to let
    whoever asks wait.
    """

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.fetches = 0
        self.status = 200
        self.body = json.dumps({"keys": keys}).encode()
        self.open_door = threading.Event()
        self.open_door.set()
        self.asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def publish(self, *keys: dict[str, Any]) -> None:
        """Publish other keys from now on."""
        self.body = json.dumps({"keys": keys}).encode()

    def __enter__(self) -> JwksServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open_door.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(jwks: JwksServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            jwks.fetches += 1
            jwks.asked.set()
            jwks.open_door.wait(30)
            self.send_response(jwks.status)
            self.send_header("Content-Length", str(len(jwks.body)))
            self.end_headers()
            self.wfile.write(jwks.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    return Handler
