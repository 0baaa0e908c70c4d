"""The meter: the speed of the last ten seconds, and the time left at that speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.progress import TransferProgress
from sleap_rtc.storage.transfer_meter import TransferMeter, TransferRate

MB = 1_000_000
GB = 1000 * MB


def after(*steps: tuple[float, int], resumed_bytes: int = 0, total_bytes: int = GB) -> TransferRate:
    """Return the rate after steps given as (time, bytes done)."""
    meter = TransferMeter()
    return [meter.note(TransferProgress(done, total_bytes, resumed_bytes), now) for now, done in steps][-1]


def steady(speed: int, seconds: int, start: float = 0.0) -> list[tuple[float, int]]:
    return [(start + second, speed * second) for second in range(seconds + 1)]


@pytest.mark.parametrize("seconds", [1, 3, 10, 11, 40])
def test_a_steady_transfer_has_its_speed_and_its_time_left(seconds: int) -> None:
    rate = after(*steady(5 * MB, seconds, start=1234.5))
    assert rate.bytes_per_s == pytest.approx(5 * MB)
    assert rate.eta_s == pytest.approx((GB - 5 * MB * seconds) / (5 * MB))


def test_before_anything_moved_there_is_no_time_left() -> None:
    assert after((7, 0)) == TransferRate(0, GB, 0, 0.0, None)


def test_the_first_parts_that_come_together_do_not_make_a_link_of_terabytes() -> None:
    assert after((0, 0), (0.001, 8 * MB), (0.002, 16 * MB)).bytes_per_s == 16 * MB


def test_bytes_of_an_earlier_run_make_nothing_faster() -> None:
    rate = after((0, 600 * MB), (2, 610 * MB), resumed_bytes=600 * MB)
    assert (rate.bytes_per_s, rate.eta_s) == (5 * MB, 78)


def test_bytes_of_an_earlier_run_that_are_found_on_the_way_make_nothing_faster() -> None:
    meter = TransferMeter()
    meter.note(TransferProgress(0, GB, 0), 0)
    meter.note(TransferProgress(10 * MB, GB, 0), 2)
    assert meter.note(TransferProgress(510 * MB, GB, 500 * MB), 2).bytes_per_s == 5 * MB


def test_the_speed_follows_the_link_within_ten_seconds() -> None:
    fast = [(second, 50 * MB * second) for second in range(6)]
    slow = [(second, 250 * MB + MB * (second - 5)) for second in range(6, 16)]
    assert after(*fast, *slow).bytes_per_s == pytest.approx(MB)


def test_a_part_that_takes_longer_than_the_window_still_has_a_speed() -> None:
    assert after((0, 0), (40, 8 * MB), (80, 16 * MB)).bytes_per_s == 8 * MB / 40


def test_the_speed_falls_while_nothing_comes() -> None:
    meter = TransferMeter()
    for now, done in steady(5 * MB, 10):
        meter.note(TransferProgress(done, GB), now)
    assert meter.rate(15).bytes_per_s == pytest.approx(2.5 * MB)
    assert (meter.rate(21).bytes_per_s, meter.rate(21).eta_s) == (0.0, None)


def test_at_the_end_no_time_is_left() -> None:
    assert after((0, 0), (2, GB)).eta_s == 0
    assert after((0, 0), total_bytes=0).eta_s == 0


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, GB), st.integers(0, GB)), min_size=1))
def test_whatever_is_told_done_bytes_never_fall_and_no_speed_is_negative(
    told: list[tuple[float, int, int]],
) -> None:
    meter, now, done = TransferMeter(), 0.0, 0
    for pause_s, done_bytes, resumed_bytes in told:
        now += pause_s
        rate = meter.note(TransferProgress(done_bytes, GB, resumed_bytes), now)
        assert rate.done_bytes >= done
        assert rate.bytes_per_s >= 0
        assert rate.eta_s is None or rate.eta_s >= 0
        done = rate.done_bytes
