"""STUN and TURN servers as peers are told of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from sleap_rtc.service.signaling.ice_servers import IceServers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "north"
BOTH = IceServers(["stun:a"], ["turn:b", "turns:c"], SECRET)


def test_turn_credentials_are_those_that_coturn_expects() -> None:
    stun, turn = BOTH.for_subject("ada", NOW)
    assert (stun.username, stun.credential) == (None, None)
    # 2026-01-01T01:00:00Z
    assert turn.username == "1767229200:ada"
    digest = hmac.new(b"north", b"1767229200:ada", hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(digest).decode()
    assert turn.urls == ["turn:b", "turns:c"]


def test_a_credential_does_not_change_by_itself() -> None:
    # printf 1767229200:ada | openssl dgst -sha1 -hmac north -binary | base64
    assert BOTH.for_subject("ada", NOW)[1].credential == "wZJD3UAAsxxZg2CRSvc2OSPTF0I="


def test_stun_has_no_credentials() -> None:
    assert [server.model_dump(exclude_unset=True) for server in BOTH.stun()] == [{"urls": ["stun:a"]}]


def test_turn_is_not_offered_without_a_secret() -> None:
    assert IceServers(["stun:a"], ["turn:b"]).for_subject("ada", NOW) == BOTH.stun()


def test_there_may_be_none() -> None:
    assert IceServers().for_subject("ada", NOW) == []


def test_no_secret_is_in_a_repr() -> None:
    assert SECRET not in repr(BOTH)
    assert str(BOTH.for_subject("ada", NOW)[1].credential) not in repr(BOTH.for_subject("ada", NOW))
