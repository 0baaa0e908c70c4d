"""Tokens, as a running service takes them: those of the issuer, and everything else that it is offered."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from support.forger import Forger, part
from support.jwks_server import JwksServer, new_key, published

from sleap_rtc.local.issuer import AUDIENCE, ISSUER, LocalIssuer
from sleap_rtc.service.identity import TokenVerifier, Unauthenticated
from sleap_rtc.service.token_claims import LONGEST_TOKEN
from sleap_rtc.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from support.product import Product

KID = "local"
NOW = int(time.time())
STRANGER_KEY = new_key()
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "ada",
    "token_use": "id",
    "iat": NOW,
    "exp": NOW + 3600,
    "auth_time": NOW,
}
ACCESS: dict[str, Any] = {"aud": None, "client_id": AUDIENCE, "token_use": "access", "scope": "openid"}


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    challenge: str
    body: Any


@pytest.fixture(scope="module")
def forger(product: Product) -> Forger:
    """Return somebody who has the issuer's own key."""
    pem = (product.stack.folder / "identity" / "key.pem").read_bytes()
    return Forger(cast("RSAPrivateKey", serialization.load_pem_private_key(pem, None)), KID, GOOD)


@pytest.fixture(scope="module")
def call(product: Product) -> Callable[[str], Answer]:
    """Return what calls the service with a token."""
    url = f"{product.stack.service_url}/api/who-am-i"

    def ask(token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        reply = urllib3.request("GET", url, headers=headers, retries=False)
        kind, challenge = (reply.headers.get(name, "") for name in ("Content-Type", "WWW-Authenticate"))
        return Answer(reply.status, kind, challenge, json.loads(reply.data))

    return ask


ACCEPTED: dict[str, Callable[[Forger], str]] = {
    "an id token": lambda f: f.token(),
    "an access token": lambda f: f.token(**ACCESS),
    "an access token that has an audience, too": lambda f: f.token(**{**ACCESS, "aud": AUDIENCE}),
    "no typ, as Cognito's": lambda f: f.token(header=part_of({"alg": "RS256", "kid": KID})),
    "an access token of RFC 9068": lambda f: f.token(header={"typ": "at+jwt"}, **ACCESS),
    "a clock that is half a minute ahead": lambda f: f.token(iat=NOW + 30, nbf=NOW + 30),
    "just expired": lambda f: f.token(exp=int(time.time()) - 30),
    "claims that nobody here knows": lambda f: f.token(groups=["a"] * 100),
}


def part_of(header: dict[str, Any]) -> bytes:
    return json.dumps(header).encode()


REFUSED: dict[str, Callable[[Forger], str]] = {
    # What is no token.
    "a word": lambda f: "token",
    "empty parts": lambda f: "..",
    "two parts": lambda f: f.token().rpartition(".")[0],
    "four parts": lambda f: f.token() + ".AAAA",
    "five parts, as an encrypted refresh token has": lambda f: ".".join([part({"alg": "RSA-OAEP"})] * 5),
    "an opaque refresh token": lambda f: "v1.MjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA",
    "letters of no base64": lambda f: f.token()[:-2] + "*=",
    "a huge one": lambda f: f.token(filler="x" * LONGEST_TOKEN),
    "thousands of dots": lambda f: "." * 10_000,
    "two tokens": lambda f: f"{f.token()} {f.token()}",
    # Signatures.
    "no algorithm": lambda f: f.token(alg="none"),
    "no algorithm in other letters": lambda f: f.token(alg="nOnE"),
    "no algorithm, with the signature of a good token": lambda f: (
        f"{part({'alg': 'none', 'kid': KID})}.{f.token().split('.', 1)[1]}"
    ),
    "no signature": lambda f: f.token().rpartition(".")[0] + ".",
    "another signature": lambda f: f.token().rpartition(".")[0] + "." + part(bytes(256)),
    "trailing garbage": lambda f: f.token() + "AAAA",
    "the public key as a shared secret": lambda f: f.token(alg="HS256"),
    "RS512": lambda f: f.token(alg="RS512"),
    "RS384": lambda f: f.token(alg="RS384"),
    "PS256": lambda f: f.token(alg="PS256"),
    "PS256 that says RS256": lambda f: (
        f"{part({'alg': 'RS256', 'kid': KID})}.{f.token(alg='PS256').split('.', 1)[1]}"
    ),
    "claims of another token": lambda f: ".".join(
        [f.token().split(".")[0], part({**GOOD, "sub": "eve"}), f.token().split(".")[2]]
    ),
    # Keys.
    "another pool's key by the same id": lambda f: f.token(key=STRANGER_KEY),
    "another pool's token": lambda f: f.token(key=STRANGER_KEY, header={"kid": "theirs"}, iss="urn:theirs"),
    "an unknown key id": lambda f: f.token(header={"kid": "other"}),
    "no key id": lambda f: f.token(header=part_of({"alg": "RS256", "typ": "JWT"})),
    "a key id that is a path": lambda f: f.token(header={"kid": "../../../../dev/null"}),
    "a key id that is SQL": lambda f: f.token(header={"kid": "x' UNION SELECT 'secret"}),
    "a key id that is a command": lambda f: f.token(header={"kid": "/dev/tcp/127.0.0.1|whoami"}),
    "a key id that is a list": lambda f: f.token(header={"kid": [KID]}),
    "a key id of many letters": lambda f: f.token(header={"kid": "k" * 1000}),
    "its own key in the header": lambda f: f.token(
        key=STRANGER_KEY, header={"kid": "mine", "jwk": published(STRANGER_KEY, "mine")}
    ),
    "a certificate in the header": lambda f: f.token(key=STRANGER_KEY, header={"x5c": ["MIIB"]}),
    # Headers.
    "an extension that has to be understood": lambda f: f.token(header={"crit": ["exp"]}),
    "a payload that is not encoded": lambda f: f.token(header={"b64": False, "crit": ["b64"]}),
    "an encrypted token's header": lambda f: f.token(header={"enc": "A256GCM"}),
    "a token of another kind": lambda f: f.token(header={"typ": "logout+jwt"}),
    "no JSON in the header": lambda f: f.token(header=b"not json"),
    "a list for a header": lambda f: f.token(header=b"[]"),
    "a header that is nested deeply": lambda f: f.token(header=b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "a header that says it twice": lambda f: f.token(
        header=b'{"alg":"none","alg":"RS256","kid":"%s"}' % KID.encode()
    ),
    # Times.
    "expired": lambda f: f.token(exp=NOW - 3600),
    "no end": lambda f: f.token(exp=None),
    "an end that is a word": lambda f: f.token(exp="never"),
    "an end in the form of a number": lambda f: f.token(exp=str(NOW + 3600)),
    "an end without end": lambda f: f.token(part_of(GOOD).replace(str(NOW + 3600).encode(), b"1e999")),
    "an end that is infinite": lambda f: f.token(exp=float("inf")),
    "not valid yet": lambda f: f.token(nbf=NOW + 3600),
    "issued tomorrow": lambda f: f.token(iat=NOW + 86_400),
    "never issued": lambda f: f.token(iat=None),
    # Whom it is for, and from.
    "another issuer": lambda f: f.token(iss="urn:sleap-rtc:other"),
    "an issuer that begins alike": lambda f: f.token(iss=f"{ISSUER}.evil"),
    "no issuer": lambda f: f.token(iss=None),
    "issuers": lambda f: f.token(iss=[ISSUER]),
    "another audience": lambda f: f.token(aud="another"),
    "no audience": lambda f: f.token(aud=None),
    "audiences": lambda f: f.token(aud=[AUDIENCE]),
    "audiences, ours among them": lambda f: f.token(aud=["another", AUDIENCE]),
    "an id token of another client": lambda f: f.token(aud="another", client_id=AUDIENCE),
    "an access token of another client": lambda f: f.token(**{**ACCESS, "client_id": "another"}),
    "an access token of another client, for our audience": lambda f: f.token(
        **{**ACCESS, "client_id": "another", "aud": AUDIENCE}
    ),
    "an access token for another audience": lambda f: f.token(**{**ACCESS, "aud": "another"}),
    "an access token of no client": lambda f: f.token(**{**ACCESS, "client_id": None}),
    "an id token that says it is an access token": lambda f: f.token(token_use="access"),
    "a refresh token": lambda f: f.token(token_use="refresh"),
    "no use": lambda f: f.token(token_use=None),
    "uses": lambda f: f.token(token_use=["id", "access"]),
    "an anonymous peer's": lambda f: f.token(iss="urn:sleap-rtc:anonymous", aud="sleap-rtc-signaling"),
    # Who it is.
    "nobody": lambda f: f.token(sub=None),
    "an empty subject": lambda f: f.token(sub=""),
    "a number for a subject": lambda f: f.token(sub=7),
    "subjects": lambda f: f.token(sub=["ada"]),
    "a subject with a line in it": lambda f: f.token(sub="ada\nowner"),
    "a subject of many letters": lambda f: f.token(sub="a" * 256),
    # Claims.
    "a subject that is there twice": lambda f: f.token(part_of(GOOD)[:-1] + b',"sub":"eve"}'),
    "no JSON": lambda f: f.token(b"not json"),
    "a list for claims": lambda f: f.token(b"[]"),
    "no text": lambda f: f.token(b"\xff\xfe\xfd"),
    "claims that are nested deeply": lambda f: f.token(
        part_of(GOOD)[:-1] + b',"a":' + b"[" * 4000 + b"]" * 4000 + b"}"
    ),
    "a token in a token": lambda f: f.token(part(f.token()).encode(), header={"cty": "JWT"}),
    # Workers' tokens.
    "a worker's of no room": lambda f: f"slrtw1.{part({'sub': 'worker-1', 'room': '00000000'})}.secret",
    "a worker's of a path": lambda f: f"slrtw1.{part({'sub': 'worker-1', 'room': '../x'})}.secret",
    "a worker's of nothing": lambda f: "slrtw1.AAAA.secret",
    "a worker's that is nested deeply": lambda f: f"slrtw1.{part(b'[' * 5000)}.secret",
}


def test_there_are_enough_ways_to_be_wrong() -> None:
    assert len(REFUSED) > 50


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_a_token_of_the_issuer_is_taken(
    call: Callable[[str], Answer], forger: Forger, make: Callable[[Forger], str]
) -> None:
    answer = call(make(forger))
    assert (answer.status, answer.body["subject"]) == (200, "ada")


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_forged_expired_or_confused_token_is_refused_and_its_holder_not_told_why(
    call: Callable[[str], Answer], forger: Forger, make: Callable[[Forger], str]
) -> None:
    answer = call(make(forger))
    assert (answer.status, answer.kind, answer.challenge) == (401, "application/problem+json", "Bearer")
    assert answer.body == call("nonsense").body
    assert (answer.body["code"], set(answer.body)) == (
        "unauthenticated",
        {"type", "title", "status", "code", "detail"},
    )


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"Authorization": "Basic YTpi"}])
def test_whoever_sends_no_token_is_told_to(product: Product, headers: dict[str, str]) -> None:
    reply = urllib3.request("GET", f"{product.stack.service_url}/api/rooms", headers=headers)
    assert (reply.status, reply.headers["Content-Type"]) == (401, "application/problem+json")
    assert "no token was sent" in json.loads(reply.data)["detail"]


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({}, "ada"),
        ({"name": "Ada Lovelace"}, "Ada Lovelace"),
        ({"cognito:username": "ada.l", "username": "al"}, "ada.l"),
        ({"username": "al"}, "al"),
        ({"name": "\x1b[2J\r\n"}, "[2J"),
        ({"name": ["no", "name"]}, "ada"),
        ({"name": "a" * 500}, "a" * 128),
    ],
)
def test_people_are_called_by_a_name_that_no_terminal_obeys(
    call: Callable[[str], Answer], forger: Forger, claims: dict[str, Any], name: str
) -> None:
    assert call(forger.token(**claims)).body["name"] == name


def test_the_headers_of_a_token_make_nobody_fetch_anything(
    call: Callable[[str], Answer], forger: Forger
) -> None:
    with JwksServer(published(STRANGER_KEY, "mine")) as theirs:
        for lure in ("jku", "x5u"):
            forged = forger.token(key=STRANGER_KEY, header={"kid": "mine", lure: theirs.url})
            assert call(forged).status == 401
            # What the issuer itself has signed is good whatever stands there.
            assert call(forger.token(header={lure: theirs.url})).status == 200
        assert theirs.fetches == 0


def test_a_key_of_the_same_id_elsewhere_is_another_one(tmp_path: Path) -> None:
    """Two pools whose keys have the same id: each verifier knows its own."""
    ours, theirs = new_key(), new_key()
    with JwksServer(published(ours, "k")) as server:
        verifier = TokenVerifier(Settings(jwks_url=server.url, issuer=ISSUER, audience=AUDIENCE))
        assert verifier.verify(Forger(ours, "k", GOOD).token()).subject == "ada"
        with pytest.raises(Unauthenticated):
            verifier.verify(Forger(theirs, "k", GOOD).token())


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(tmp_path / "identity")
    yield issuer
    issuer.close()


@pytest.mark.parametrize("access", [False, True])
def test_both_tokens_of_the_stack_s_own_issuer_go_through_the_same_verification(
    issuer: LocalIssuer, *, access: bool
) -> None:
    verifier = TokenVerifier(Settings(jwks_url=issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE))
    assert verifier.verify(issuer.token("ada", access=access)).name == "ada"


def test_the_issuer_s_key_is_kept_and_is_for_its_owner_alone(issuer: LocalIssuer, tmp_path: Path) -> None:
    again = LocalIssuer(tmp_path / "identity")
    verifier = TokenVerifier(Settings(jwks_url=again.jwks_url, issuer=ISSUER, audience=AUDIENCE))
    assert verifier.verify(issuer.token("ada")).subject == "ada"
    assert (tmp_path / "identity" / "key.pem").stat().st_mode & 0o077 == 0
    again.close()


def test_a_service_whose_issuer_is_away_says_so_and_lets_nobody_in(product: Product, forger: Forger) -> None:
    with JwksServer(published(forger.key, KID)) as server:
        server.status = 503
        _, url = product.stack.service("service-without-keys", SLEAP_RTC_JWKS_URL=server.url)
        token = {"Authorization": f"Bearer {forger.token()}"}
        reply = urllib3.request("GET", f"{url}/api/rooms", headers=token, retries=False)
        assert (reply.status, reply.headers["Content-Type"]) == (503, "application/problem+json")
        assert json.loads(reply.data)["code"] == "keys_unavailable"
        assert server.url not in reply.data.decode()
        # What is no token at all needs no key to be refused.
        nonsense = {"Authorization": "Bearer nonsense"}
        assert urllib3.request("GET", f"{url}/api/rooms", headers=nonsense, retries=False).status == 401
        assert urllib3.request("GET", f"{url}/healthz", retries=False).status == 200
