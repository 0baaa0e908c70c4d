"""Tokens: what the service's verifier takes, and everything else that it is offered."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sleap_rtc.local.issuer import AUDIENCE, ISSUER, LocalIssuer
from sleap_rtc.service.identity import TokenVerifier, Unauthenticated
from sleap_rtc.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(tmp_path / "identity")
    yield issuer
    issuer.close()


@pytest.fixture
def verifier(issuer: LocalIssuer) -> TokenVerifier:
    return TokenVerifier(Settings(jwks_url=issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE))


def signed(tmp_path: Path, kid: str = "local", **changed: Any) -> str:
    """Return a token signed with the issuer's own key."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "me", "iat": now, "exp": now + 600, **changed}
    kept = {name: value for name, value in claims.items() if value is not None}
    key = (tmp_path / "identity" / "key.pem").read_text()
    return jwt.encode(kept, key, algorithm="RS256", headers={"kid": kid})


def test_a_token_of_the_issuer_names_its_subject(issuer: LocalIssuer, verifier: TokenVerifier) -> None:
    assert verifier.verify(issuer.token("ada")).subject == "ada"


def test_the_issuer_s_key_is_kept_and_is_for_its_owner_alone(issuer: LocalIssuer, tmp_path: Path) -> None:
    again = LocalIssuer(tmp_path / "identity")
    verifier = TokenVerifier(Settings(jwks_url=again.jwks_url, issuer=ISSUER, audience=AUDIENCE))
    assert verifier.verify(issuer.token("ada")).subject == "ada"
    assert (tmp_path / "identity" / "key.pem").stat().st_mode & 0o077 == 0
    again.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody else"},
        {"iss": None},
        {"aud": "another service"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 10_000},
        {"sub": None},
        {"nbf": int(time.time()) + 10_000},
        {"kid": "unknown"},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    verifier: TokenVerifier, tmp_path: Path, changed: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(signed(tmp_path, **changed))


def test_a_token_without_signature_is_refused(verifier: TokenVerifier) -> None:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "me", "iat": 1, "exp": int(time.time()) + 600}
    with pytest.raises(Unauthenticated):
        verifier.verify(jwt.encode(claims, "", algorithm="none", headers={"kid": "local"}))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    verifier: TokenVerifier, tmp_path: Path
) -> None:
    jwks = json.loads((tmp_path / "identity" / "jwks.json").read_text())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "me", "iat": 1, "exp": int(time.time()) + 600}
    forged = jwt.encode(claims, jwks["keys"][0]["n"], algorithm="HS256", headers={"kid": "local"})
    with pytest.raises(Unauthenticated):
        verifier.verify(forged)


def test_a_token_signed_by_somebody_else_is_refused(verifier: TokenVerifier, tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "identity" / "key.pem").write_bytes(other)
    with pytest.raises(Unauthenticated):
        verifier.verify(signed(tmp_path))


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "ü.ü.ü", "." * 10_000])
def test_what_is_no_token_is_refused(verifier: TokenVerifier, text: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier.verify(text)
