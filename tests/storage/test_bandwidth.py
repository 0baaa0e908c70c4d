"""The rate limit: kept over half a minute and over an hour, without bursts, shared fairly."""

from __future__ import annotations

import heapq
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleap_rtc.storage.bandwidth import BURST_S, BandwidthLimit, Throttle

KIB = 1024
MB = 1_000_000
rates = st.integers(100_000, 100 * MB)


def sent(
    limit: BandwidthLimit, seconds: float, senders: int = 4, latest_s: float = 0.0
) -> list[tuple[float, int]]:
    """Let senders that always have something send slice by slice, waking late; return (time, sender)."""
    chance = random.Random(0)
    awake = [(0.0, number) for number in range(senders)]
    log = []
    while awake[0][0] <= seconds:
        now, number = heapq.heappop(awake)
        log.append((now, number))
        delay_s = limit.reserve(limit.slice_bytes, now)
        heapq.heappush(awake, (now + delay_s + chance.uniform(0, latest_s), number))
    return log[senders:]  # what they reserved first was sent when they woke for the first time


@given(rate=rates, latest_s=st.sampled_from([0.0, 0.002, 0.015]))
@settings(max_examples=20)
def test_over_any_half_minute_the_rate_is_kept_within_five_percent(rate: int, latest_s: float) -> None:
    limit = BandwidthLimit(rate)
    times = [now for now, _ in sent(limit, 90, latest_s=latest_s)]
    end = 0
    for first, begin in enumerate(times):
        while end < len(times) and times[end] < begin + 30:
            end += 1
        if end == len(times):
            break
        assert (end - first) * limit.slice_bytes / 30 == pytest.approx(rate, rel=0.05)


def test_over_an_hour_the_rate_is_kept_within_one_percent() -> None:
    limit = BandwidthLimit(5 * MB)
    log = sent(limit, 3600, latest_s=0.01)
    assert len(log) * limit.slice_bytes / 3600 == pytest.approx(5 * MB, rel=0.01)


def test_senders_take_turns() -> None:
    log = sent(BandwidthLimit(MB), 60, senders=4)
    counts = [sum(number == sender for _, number in log) for sender in range(4)]
    assert max(counts) - min(counts) <= 1


@given(rate=rates, pause_s=st.floats(0.06, 3600))
def test_a_pause_is_not_followed_by_a_burst(rate: int, pause_s: float) -> None:
    limit = BandwidthLimit(rate)
    limit.reserve(limit.slice_bytes, 0)
    at_once = 0
    while limit.reserve(1000, pause_s) == 0:
        at_once += 1000
    assert at_once <= rate * BURST_S + 1000


def test_a_large_piece_is_sent_at_once_and_paid_for_afterwards() -> None:
    limit = BandwidthLimit(MB)
    assert limit.reserve(10 * MB, 0) == 0
    assert limit.reserve(1, 0) == pytest.approx(10 - BURST_S)


@pytest.mark.parametrize(
    ("rate", "slice_bytes"), [(1000, 4 * KIB), (MB, 50_000), (100 * MB, 256 * KIB)], ids=str
)
def test_a_slice_is_fifty_milliseconds_worth_within_bounds(rate: int, slice_bytes: int) -> None:
    assert BandwidthLimit(rate).slice_bytes == slice_bytes


@pytest.mark.parametrize("rate", [0, -1])
def test_no_rate_is_no_limit_to_keep(rate: int) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        BandwidthLimit(rate)


def test_a_throttle_sleeps_until_its_place() -> None:
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    throttle = Throttle(BandwidthLimit(MB), clock=lambda: now, sleep=sleep)
    for _ in range(100):
        throttle.wait(throttle.slice_bytes)
    assert now - 100 == pytest.approx(99 * 0.05 - BURST_S)


def test_threads_that_share_a_throttle_never_get_the_same_place() -> None:
    slept: list[float] = []
    throttle = Throttle(BandwidthLimit(MB), clock=lambda: 0.0, sleep=slept.append)

    def send() -> None:
        for _ in range(250):
            throttle.wait(MB)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([place - BURST_S for place in range(1, 1000)])
