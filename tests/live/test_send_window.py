"""How much is sent ahead: on any network the sender stays busy and the queue in front of a command short."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.live.send_window import LEAST_BYTES, MOST_BYTES, QUEUE_S, SendWindow

LONG_S = 30.0


@dataclass
class Found:
    """What a network carried of what it could, and how long its queue was once things had settled."""

    share: float
    longest_queue_s: float


def sent_over(bytes_per_s: float, way_there_and_back_s: float, jitter_s: float = 0.0) -> Found:
    """Send for a while over a network with one queue."""
    window, chance = SendWindow(), random.Random(1)
    now, sent_bytes, queues = 0.0, 0.0, list[float]()
    window.measured(way_there_and_back_s, -1.0)  # of the words that opened the session
    while now < LONG_S:
        queue_s = max(window.bytes / bytes_per_s - way_there_and_back_s, 0.0)
        round_trip_s = way_there_and_back_s + queue_s + jitter_s * chance.random()
        sent_bytes += min(window.bytes, bytes_per_s * round_trip_s)
        window.measured(round_trip_s, now)
        queues.append(queue_s)
        now += round_trip_s
    return Found(sent_bytes / bytes_per_s / now, max(queues[len(queues) // 3 :]))


@pytest.mark.parametrize("way_s", [0.0005, 0.02, 0.1])
@pytest.mark.parametrize("megabytes_per_s", [1.0, 8.0])
def test_the_network_is_used_and_its_queue_stays_short(megabytes_per_s: float, way_s: float) -> None:
    found = sent_over(megabytes_per_s * 1e6, way_s)
    assert found.share > 0.9
    assert found.longest_queue_s < 2 * QUEUE_S + max(LEAST_BYTES / megabytes_per_s / 1e6, way_s / 2)


def test_a_network_whose_delay_trembles_is_still_used() -> None:
    assert sent_over(8e6, 0.02, jitter_s=0.015).share > 0.75


@given(st.lists(st.tuples(st.floats(0.0001, 60), st.floats(0, 10)), max_size=300))
def test_whatever_is_measured_the_window_stays_within_its_bounds(measured: list[tuple[float, float]]) -> None:
    window, now = SendWindow(), 0.0
    for round_trip_s, pause_s in measured:
        window.measured(round_trip_s, now)
        assert LEAST_BYTES <= window.bytes <= MOST_BYTES
        now += pause_s


def test_one_round_trip_changes_the_window_once() -> None:
    window = SendWindow()
    window.measured(0.1, 0.0)
    grown = window.bytes
    window.measured(0.1, 0.05)
    assert window.bytes == grown
    window.measured(0.1, 0.11)
    assert window.bytes > grown
