"""Which part is so late that it is worth a second try."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.tail import Tail

DURATIONS = st.lists(st.floats(0, 1000), min_size=4, max_size=300)


def tail_of(*durations_s: float, parts: int = 100) -> Tail:
    tail = Tail(parts)
    for duration_s in durations_s:
        tail.took(duration_s)
    return tail


def test_nothing_is_late_while_too_little_is_known() -> None:
    assert tail_of(1, 1, 1).late_after_s() is None
    assert tail_of(1, 1, 1).latest([(1, 0.0)], 1e6) is None


def test_twice_what_95_of_100_took_is_late() -> None:
    assert tail_of(*range(100)).late_after_s() == 190


def test_within_a_second_nothing_is_late() -> None:
    assert tail_of(*[0.01] * 10).late_after_s() == 1.0


@given(DURATIONS)
def test_what_took_no_longer_than_the_others_is_never_late(durations_s: list[float]) -> None:
    late_after_s = tail_of(*durations_s).late_after_s()
    assert late_after_s is not None
    assert late_after_s >= max(1.0, 2 * sorted(durations_s)[len(durations_s) // 2])


def test_only_the_last_two_hundred_count() -> None:
    assert tail_of(*[100.0] * 50, *[1.0] * 200).late_after_s() == 2.0


def test_the_oldest_of_the_late_ones_is_taken() -> None:
    tail = tail_of(1, 1, 1, 1)
    assert tail.latest([(7, 5.0), (8, 2.0), (9, 3.0)], 10.0) == 8


def test_what_is_not_late_yet_is_left_alone() -> None:
    tail = tail_of(1, 1, 1, 1)
    assert tail.latest([(7, 8.5)], 10.0) is None
    assert tail.latest([], 10.0) is None
    assert tail.latest([(7, 8.0)], 10.0) == 7


def test_two_parts_of_a_hundred_may_be_tried_twice() -> None:
    tail = tail_of(1, 1, 1, 1, parts=100)
    assert [tail.latest([(number, 0.0)], 10.0) for number in range(3)] == [0, 1, None]


def test_of_a_small_transfer_one_part_may_be_tried_twice() -> None:
    tail = tail_of(1, 1, 1, 1, parts=5)
    assert [tail.latest([(number, 0.0)], 10.0) for number in range(2)] == [0, None]
