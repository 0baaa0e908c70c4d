"""How much somebody may say in a while."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.service.signaling.flood_limit import FloodLimit


def test_so_much_may_come_at_once_and_so_much_a_second() -> None:
    limit = FloodLimit(burst=3, per_s=2)
    assert [limit.takes(10.0) for _ in range(4)] == [True, True, True, False]
    assert [limit.takes(11.0) for _ in range(3)] == [True, True, False]


def test_what_was_refused_is_not_counted() -> None:
    limit = FloodLimit(burst=2, per_s=1)
    assert not limit.takes(0.0, weight=3)
    assert limit.takes(0.0, weight=2)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 4)), max_size=50))
def test_no_more_is_taken_than_the_burst_and_the_rate(said: list[tuple[float, float]]) -> None:
    limit, now_s, taken = FloodLimit(burst=10, per_s=3), 0.0, 0.0
    for pause_s, weight in said:
        now_s += pause_s
        taken += weight if limit.takes(now_s, weight) else 0
        assert taken <= 10 + 3 * now_s + 1e-6
