"""Values that a record keeps: whatever a trainer wrote, they are few, short and finite."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.plain_values import LONGEST_TEXT, MOST_ENTRIES, scalars, table, texts, thinned

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=80) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=300), ANYTHING, max_size=100))
def test_what_is_kept_is_bounded_and_plain(values: dict[str, Any]) -> None:
    for kept in (scalars(values), texts(values), table(values)):
        assert len(kept) <= MOST_ENTRIES
        assert kept.items() <= values.items() or kept == {}
        json.dumps(kept, allow_nan=False)
        assert all(len(name) <= LONGEST_TEXT for name in kept)


def test_single_values_stay_and_others_do_not() -> None:
    values = {"a": 1, "b": 0.5, "c": True, "d": "x", "e": None, "f": [1], "g": float("nan"), "h": {"i": 1}}
    assert scalars(values) == {"a": 1, "b": 0.5, "c": True, "d": "x"}
    assert table(values) == {**scalars(values), "f": [1]}
    assert texts(values) == {"d": "x"}


@given(st.integers(0, 500), st.integers(2, 60))
def test_thinned_rows_keep_order_and_both_ends(count: int, most: int) -> None:
    rows = list(range(count))
    kept = thinned(rows, most)
    assert len(kept) == min(count, most)
    assert list(kept) == sorted(set(kept))
    assert (kept[:1], kept[-1:]) == (tuple(rows[:1]), tuple(rows[-1:]))
