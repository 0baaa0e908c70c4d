"""Short tokens of rooms, and tokens of anonymous peers: on a store in memory, with time as an argument."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from sleap_rtc.live.signaling_messages import Register
from sleap_rtc.local.issuer import AUDIENCE, ISSUER
from sleap_rtc.service.identity import Caller, TokenVerifier, Unauthenticated
from sleap_rtc.service.rooms import Rooms
from sleap_rtc.service.signaling.anonymous import AnonymousSignIn, LiveCallers
from sleap_rtc.service.signaling.door import Door
from sleap_rtc.service.signaling.room_tokens import TOKEN_HOLDS, SignalingRooms, Verdict
from sleap_rtc.settings import Settings
from sleap_rtc.storage import keys
from sleap_rtc.storage.memory_store import MemoryObjectStore

if TYPE_CHECKING:
    from sleap_rtc.local.issuer import LocalIssuer

NOW = datetime.now(UTC)
ROOM = "8f3a2c1d"


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


def refused(callers: Any, token: str) -> bool:
    with pytest.raises(Unauthenticated):
        callers.verify(token)
    return True


def signed(store: MemoryObjectStore, algorithm: str = "HS256", **changed: Any) -> str:
    """Return a token with the key of anonymous sign-ins, or without any."""
    key = json.loads(store.get(keys.ANONYMOUS_KEY).body)["secret"] if algorithm != "none" else ""
    claims = {"iss": "urn:sleap-rtc:anonymous", "aud": "sleap-rtc-signaling", "sub": "me", "iat": NOW}
    wanted = {**claims, "exp": NOW + timedelta(hours=1), **changed}
    return jwt.encode({name: value for name, value in wanted.items() if value}, key, algorithm=algorithm)


def test_a_token_holds_for_two_hours_to_the_second(store: MemoryObjectStore) -> None:
    rooms = SignalingRooms(store)
    made = rooms.open(ROOM, "ada", NOW)
    assert rooms.judge(ROOM, made.token, NOW + TOKEN_HOLDS - timedelta(seconds=1)) is Verdict.GOOD
    assert rooms.judge(ROOM, made.token, NOW + TOKEN_HOLDS) is Verdict.EXPIRED


def test_a_newer_token_leaves_the_older_good(store: MemoryObjectStore) -> None:
    rooms = SignalingRooms(store)
    older, newer = (rooms.open(ROOM, "ada", NOW) for _ in range(2))
    assert {rooms.judge(ROOM, made.token, NOW) for made in (older, newer)} == {Verdict.GOOD}


def test_a_room_keeps_the_tokens_of_many_workers(store: MemoryObjectStore) -> None:
    rooms = SignalingRooms(store)
    made = [rooms.open(ROOM, "ada", NOW).token for _ in range(201)]
    verdicts = [rooms.judge(ROOM, token, NOW) for token in made]
    assert verdicts == [Verdict.WRONG] + [Verdict.GOOD] * 200


@pytest.mark.parametrize("token", ["", "abc12", "ABC123", "ümläut"])
def test_no_other_token_is_good(store: MemoryObjectStore, token: str) -> None:
    rooms = SignalingRooms(store)
    rooms.open(ROOM, "ada", NOW)
    assert rooms.judge(ROOM, token, NOW) is Verdict.WRONG
    assert rooms.judge("another", token, NOW) is Verdict.NO_ROOM


def test_a_token_is_not_in_a_repr(store: MemoryObjectStore) -> None:
    made = SignalingRooms(store).open(ROOM, "ada", NOW)
    assert made.token not in repr(made)


def test_every_instance_knows_who_signed_in_at_another(store: MemoryObjectStore) -> None:
    here, there = AnonymousSignIn(store), AnonymousSignIn(store)
    somebody, another = here.sign_in(NOW), there.sign_in(NOW)
    assert there.verify(somebody.id_token).subject == somebody.username
    assert here.verify(another.id_token).subject == another.username != somebody.username


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "urn:sleap-rtc:local"},
        {"aud": "sleap-rtc"},
        {"exp": datetime(2026, 1, 1, tzinfo=UTC)},
        {"sub": None},
        {"exp": None},
        {"algorithm": "none"},
        {"algorithm": "HS512"},
    ],
    ids=str,
)
def test_what_is_not_quite_an_anonymous_token_is_refused(
    store: MemoryObjectStore, changed: dict[str, Any]
) -> None:
    anonymous = AnonymousSignIn(store)
    anonymous.sign_in(NOW)
    assert anonymous.verify(signed(store)).subject == "me"
    assert refused(anonymous, signed(store, **changed))


def test_a_token_of_another_store_is_refused(store: MemoryObjectStore) -> None:
    assert refused(AnonymousSignIn(store), AnonymousSignIn(MemoryObjectStore()).sign_in(NOW).id_token)


def test_both_kinds_of_callers_are_known_and_neither_for_the_other(
    store: MemoryObjectStore, token_issuer: LocalIssuer
) -> None:
    settings = Settings(jwks_url=token_issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE)
    tokens, anonymous = TokenVerifier(settings), AnonymousSignIn(store)
    callers, signed_in = LiveCallers(tokens, anonymous), anonymous.sign_in(NOW)
    assert callers.verify(signed_in.id_token).subject == signed_in.username
    assert callers.verify(token_issuer.token("ada")).subject == "ada"
    assert refused(tokens, signed_in.id_token)
    assert refused(LiveCallers(tokens, None), signed_in.id_token)
    assert refused(callers, "e.y.J")


def test_a_real_token_that_claims_to_be_anonymous_is_refused(
    store: MemoryObjectStore, token_issuer: LocalIssuer
) -> None:
    header, payload, signature = token_issuer.token("ada").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = json.dumps({**claims, "iss": "urn:sleap-rtc:anonymous", "aud": "sleap-rtc-signaling"}).encode()
    token = ".".join((header, base64.urlsafe_b64encode(forged).decode().rstrip("="), signature))
    anonymous = AnonymousSignIn(store)
    settings = Settings(jwks_url=token_issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE)
    assert refused(LiveCallers(TokenVerifier(settings), anonymous), token)


@pytest.mark.parametrize("discreet", [True, False])
def test_where_nobody_is_anonymous_a_wrong_token_does_not_tell_that_there_is_a_room(
    store: MemoryObjectStore, token_issuer: LocalIssuer, *, discreet: bool
) -> None:
    settings = Settings(jwks_url=token_issuer.jwks_url, issuer=ISSUER, audience=AUDIENCE)
    callers, rooms = LiveCallers(TokenVerifier(settings), None), Rooms(store, lambda _: None)
    room_tokens = SignalingRooms(store)
    there = rooms.create("Mice", Caller("ada", "ada")).room_id
    room_tokens.open(there, "ada", NOW)
    door = Door(callers, rooms, room_tokens, discreet=discreet)

    def answer(room_id: str) -> object:
        return door.admit(
            Register(
                room_id=room_id,
                peer_id="eve",
                id_token=token_issuer.token("eve"),
                token="abc123",
                role="client",
            ),
            NOW,
        )

    assert (answer(there) == answer("00000000")) is discreet
