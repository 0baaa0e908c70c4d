"""How much is sent ahead: on any network the sender stays busy and the queue in front of a command short."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.send_window import LEAST_BYTES, MOST_BYTES, QUEUE_S, SendWindow

LONG_S = 40.0


@dataclass
class Found:
    """What a network carried of what it could, and how long its queue was, both once things had settled."""

    share: float
    longest_queue_s: float


@dataclass
class Network:
    """One queue in front of one link.

    Attributes:
        bytes_per_s: what it carries.
        way_s: there and back, while nothing waits.
        jitter_s: by how much that trembles.
        later_way_s: how long the way is in the second half of the time, if that is another one.
    """

    bytes_per_s: float
    way_s: float
    jitter_s: float = 0.0
    later_way_s: float = 0.0

    def carry(self) -> Found:
        """Have a sender send as much as it may for a while."""
        window, chance = SendWindow(), random.Random(1)
        now, carried, settled = 0.0, list[tuple[float, float]](), list[float]()
        window.measured(self.way_s, -1.0)  # of the words that opened the session
        while now < LONG_S:
            way_s = self.later_way_s if self.later_way_s and now > LONG_S / 2 else self.way_s
            queue_s = max(window.bytes / self.bytes_per_s - way_s, 0.0)
            round_trip_s = way_s + queue_s + self.jitter_s * chance.random()
            if now > LONG_S * 3 / 4:
                carried.append((min(window.bytes, self.bytes_per_s * round_trip_s), round_trip_s))
                settled.append(queue_s)
            window.measured(round_trip_s, now)
            now += round_trip_s
        sent_bytes, took_s = (sum(column) for column in zip(*carried, strict=True))
        return Found(sent_bytes / took_s / self.bytes_per_s, max(settled))


@pytest.mark.parametrize("way_s", [0.0005, 0.02, 0.1])
@pytest.mark.parametrize("bytes_per_s", [1e6, 8e6])
def test_the_network_is_used_and_its_queue_stays_short(bytes_per_s: float, way_s: float) -> None:
    found = Network(bytes_per_s, way_s).carry()
    assert found.share > 0.9
    assert found.longest_queue_s < 1.5 * QUEUE_S + 2 * LEAST_BYTES / bytes_per_s
    assert found.longest_queue_s * bytes_per_s < 227 * 1160 + way_s * bytes_per_s / 2


def test_a_network_whose_delay_trembles_is_still_used() -> None:
    assert Network(8e6, 0.02, jitter_s=0.03).carry().share > 0.7


def test_another_route_is_found_out() -> None:
    found = Network(4e6, 0.02, later_way_s=0.1).carry()
    assert found.share > 0.85


@given(st.lists(st.tuples(st.floats(0.0001, 60), st.floats(0, 10)), max_size=300))
def test_whatever_is_measured_the_window_stays_within_its_bounds(measured: list[tuple[float, float]]) -> None:
    window, now = SendWindow(), 0.0
    for round_trip_s, pause_s in measured:
        window.measured(round_trip_s, now)
        assert LEAST_BYTES <= window.bytes <= MOST_BYTES
        now += pause_s


def test_one_round_trip_changes_the_window_once() -> None:
    window = SendWindow()
    for now in (0.0, 0.3, 0.4):  # a first look, and the end of it
        window.measured(0.1, now)
    before = window.bytes
    window.measured(0.1, 0.51)
    grown = window.bytes
    window.measured(0.1, 0.55)
    assert window.bytes == grown > before
    window.measured(0.1, 0.62)
    assert window.bytes > grown
