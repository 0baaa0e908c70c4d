"""Two peers whose networks do not reach each other, and a real TURN server that both reach."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.coturn import TCP_URL, UDP_URL, running_coturn, why_no_coturn
from support.far_peers import far_peers
from support.netns import HUB_ADDRESS, town, why_no_namespaces

from sleap_rtc.service.signaling.ice_servers import IceServers
from sleap_rtc.storage.checksum import crc64nvme

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.far_peers import FarPeers
    from support.netns import Town

    from sleap_rtc.live.ice_server import IceServer

pytestmark = pytest.mark.turn
SECRET = "not told to anybody"
NOBODY_THERE = (f"turn:{HUB_ADDRESS}:9", f"turn:{HUB_ADDRESS}:9?transport=tcp")
LINES = 200
SIZE = 1024 * 1024
WITHIN_S = 45.0
"""A call ends after 20 s without a way; the rest is asking the TURN servers, twice, and a busy machine."""


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Yield homes that do not reach each other, and a TURN server at the hub."""
    why = why_no_namespaces() or why_no_coturn()
    if why:
        pytest.skip(why)
    with (
        town(forwards=False) as made,
        running_coturn(made.hub, tmp_path_factory.mktemp("turn") / "x", SECRET),
    ):
        yield made


def servers(*urls: str, secret: str = SECRET, age: timedelta = timedelta()) -> Sequence[IceServer]:
    """Return what the service tells a peer that registered so long ago."""
    return IceServers((), urls, secret).for_subject("ada", datetime.now(UTC) - age)


@contextmanager
def peers(at: Town, told: Sequence[IceServer], file: Path) -> Iterator[FarPeers]:
    """Yield a worker that tells all that it has to tell, and a client, each at home."""
    file.write_bytes(os.urandom(SIZE))
    with far_peers(at, told, file, LINES) as pair:
        pair.worker.go_on()
        yield pair


def assert_relayed(pair: FarPeers, file: Path) -> None:
    """Hold the client to having got the job's events, an answer and the file, all through the relay."""
    assert pair.client.hear() == {"path": "relayed", "missed": False, "answer": "pause for ada"}
    assert pair.worker.hear() == {"path": "relayed"}
    assert pair.client.hear() == {"crc": crc64nvme(file.read_bytes())}
    assert pair.client.hear_until("seen")["seen"] == [f"line {number}" for number in range(1, LINES + 1)]


def test_everything_goes_through_the_relay_where_there_is_no_other_way(apart: Town, tmp_path: Path) -> None:
    with peers(apart, servers(UDP_URL), tmp_path / "sample") as pair:
        assert_relayed(pair, tmp_path / "sample")


def test_a_home_without_udp_reaches_the_relay_over_tcp(apart: Town, tmp_path: Path) -> None:
    told = servers(UDP_URL, TCP_URL)
    with apart.homes[0].without_udp(), peers(apart, told, tmp_path / "sample") as pair:
        assert_relayed(pair, tmp_path / "sample")


def unreachable(pair: FarPeers) -> str:
    """Return what the client is told, which has to come within bounded time."""
    said = pair.client.hear()
    assert said["after_s"] < WITHIN_S
    return str(said["unreachable"])


def test_without_a_turn_server_the_user_is_told_whom_to_ask_for_one(apart: Town, tmp_path: Path) -> None:
    with peers(apart, (), tmp_path / "sample") as pair:
        assert unreachable(pair) == (
            "The peer worker cannot be connected to: the two networks do not reach each other directly, and "
            "no TURN server is configured; ask whoever runs the service for turn_urls, or leave it to the "
            "service, which is slower."
        )


def test_a_relay_that_is_not_to_be_had_is_named_with_what_is_wrong_with_it(
    apart: Town, tmp_path: Path
) -> None:
    ended = servers(UDP_URL, age=timedelta(hours=2))
    wrong = servers(TCP_URL, secret="another one")
    away = servers(*NOBODY_THERE)
    with peers(apart, [*ended, *wrong, *away], tmp_path / "sample") as pair:
        told = unreachable(pair)
        assert "the two networks do not reach each other directly, and there is no relay: " in told
        assert f"{UDP_URL} does not take the credentials, which ended at " in told
        assert f"{TCP_URL} does not take the credentials: its secret is not the service's" in told
        assert f"{NOBODY_THERE[0]} does not answer within 4 s" in told
        assert f"{NOBODY_THERE[1]} cannot be reached (" in told
