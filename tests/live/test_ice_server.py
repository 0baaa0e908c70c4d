"""What the URL and the user's name of a TURN server say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sleap_rtc.live.ice_server import IceServer, TurnAddress, is_turn, renew_in_s, turn_address
from sleap_rtc.service.signaling.ice_servers import CREDENTIALS_HOLD, IceServers

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("turn:a.test", TurnAddress("a.test", 3478, "udp", tls=False)),
        ("turn:a.test?transport=tcp", TurnAddress("a.test", 3478, "tcp", tls=False)),
        ("turn:10.0.0.1:80?transport=udp", TurnAddress("10.0.0.1", 80, "udp", tls=False)),
        ("turns:a.test", TurnAddress("a.test", 5349, "tcp", tls=True)),
        ("turns:a.test:443?transport=tcp", TurnAddress("a.test", 443, "tcp", tls=True)),
        ("turns:a.test?transport=udp", None),
        ("turn:a.test:0", None),
        ("turn:a.test:70000", None),
        ("turn:a.test?transport=sctp", None),
        ("turn:[::1]:3478", None),
        ("turn:", None),
        ("stun:a.test", None),
    ],
)
def test_a_turn_url_is_read_as_the_engine_would_or_not_at_all(url: str, address: TurnAddress | None) -> None:
    assert turn_address(url) == address


def test_stun_is_no_turn() -> None:
    assert [is_turn(url) for url in ("turn:a", "turns:a", "stun:a", "stuns:a")] == [True, True, False, False]


def test_the_name_that_the_service_gives_tells_when_the_credentials_end() -> None:
    told = IceServers(("stun:s",), ("turn:t",), "secret").for_subject("ada", NOW)
    assert [each.ends_at for each in told] == [None, NOW + CREDENTIALS_HOLD]
    assert IceServer(urls="turn:t", username="ada", credential="x").ends_at is None


def test_new_credentials_are_due_at_half_time_and_not_at_once_where_a_clock_is_wrong() -> None:
    told = IceServers((), ("turn:t",), "secret").for_subject("ada", NOW)
    assert renew_in_s(told, NOW) == 1800
    assert renew_in_s(told, NOW + timedelta(hours=3)) == 600
    assert renew_in_s([IceServer(urls="stun:s")], NOW) is None
    assert renew_in_s([], NOW) is None
