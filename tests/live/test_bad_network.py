"""Two peers in homes of their own, between them a network that loses packets, or is away for a while."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from support.far_peers import far_peers
from support.netns import town, why_no_namespaces

from sleap_rtc.storage.checksum import crc64nvme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.netns import Town

pytestmark = pytest.mark.netns
LINES = 800
EVERY_LINE = [f"line {number}" for number in range(1, LINES + 1)]
CUT_S = 20.0
"""Longer than a peer's silence is borne (15 s), so both sides give the session up."""


@pytest.fixture
def near() -> Iterator[Town]:
    """Yield homes that reach each other."""
    why = why_no_namespaces()
    if why:
        pytest.skip(why)
    with town(forwards=True) as made:
        yield made


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample"
    path.write_bytes(os.urandom(1024 * 1024))
    return path


def test_on_a_slow_network_that_loses_every_twentieth_packet_all_arrives_once(
    near: Town, sample: Path
) -> None:
    for home in near.homes:
        home.lose(0.05)
        home.limit(20_000_000)
    with far_peers(near, (), sample, LINES) as pair:
        pair.worker.go_on()
        assert pair.client.hear_until("path")["path"] == "direct"
        assert pair.client.hear_until("crc") == {"crc": crc64nvme(sample.read_bytes())}
        assert pair.client.hear_until("seen") == {"seen": EVERY_LINE}
    assert all(home.lost_packets for home in near.homes)


def test_what_happens_while_the_network_is_away_is_told_when_it_is_back(near: Town, sample: Path) -> None:
    home, _ = near.homes
    with far_peers(near, (), sample, LINES) as pair:
        pair.client.hear_until("quarter")
        home.cut()
        pair.worker.go_on()
        time.sleep(CUT_S)
        assert "nothing was heard of it" in pair.client.hear_until("lost")["lost"]
        assert "nothing was heard of it" in pair.worker.hear_until("ended")["ended"]
        home.mend()
        assert pair.client.hear_until("path") == {
            "path": "direct",
            "missed": False,
            "answer": "pause for ada",
        }
        assert pair.client.hear_until("seen") == {"seen": EVERY_LINE}
