"""Makes tokens byte by byte, so that there is nothing that a library would not let one say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def part(content: Any) -> str:
    """Return a part of a token; bytes are taken as they are."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True)
class Forger:
    """Signs whatever it is given.

    Args:
        key: the one that the issuer publishes, or somebody else's.
        kid: what the issuer calls it.
        claims: those of a good token.
    """

    key: RSAPrivateKey
    kid: str
    claims: dict[str, Any]

    def token(
        self,
        claims: Any = None,
        *,
        key: RSAPrivateKey | None = None,
        alg: str = "RS256",
        header: Any = None,
        **changed: Any,
    ) -> str:
        """Return a token that is good but for what is given; a claim that is None is left out."""
        if claims is None:
            whole = {**self.claims, **changed}
            claims = {name: value for name, value in whole.items() if value is not None}
        said = {"alg": alg, "kid": self.kid, "typ": "JWT"}
        head = header if isinstance(header, bytes) else {**said, **(header or {})}
        signed = f"{part(head)}.{part(claims)}"
        return f"{signed}.{part(self._signature(signed.encode(), alg, key or self.key))}"

    def public_pem(self) -> bytes:
        """Return the public key as people would paste it."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def _signature(self, signed: bytes, alg: str, key: RSAPrivateKey) -> bytes:
        if alg.lower() == "none":
            return b""
        if alg.startswith("HS"):
            return hmac.new(self.public_pem(), signed, hashlib.sha256).digest()
        digest = _HASHES[alg[2:]]
        if alg.startswith("PS"):
            salted = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            return key.sign(signed, salted, digest)
        return key.sign(signed, padding.PKCS1v15(), digest)
