"""What leaves the cache: the least recently used, never what is in use, and no more than is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.cache_policy import Entry, Eviction, Limits, plan_eviction
from sleap_rtc.storage.checksum import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOMY = 10**12
CRCS = iter(range(10**9))


def entry(size_bytes: int, last_used: float = 0, *, pinned: bool = False) -> Entry:
    return Entry(BlobId(to_text(next(CRCS)), size_bytes), last_used, pinned)


def size(entries: Iterable[Entry]) -> int:
    return sum(entry.blob.size_bytes for entry in entries)


sizes = st.integers(0, 100)
caches = st.lists(st.builds(entry, sizes, st.integers(0, 5), pinned=st.booleans()), max_size=8)
limits = st.builds(Limits, st.integers(0, 400), st.integers(0, 100))


@given(caches, limits, sizes, sizes)
def test_what_is_in_use_never_leaves(cache: list[Entry], limits: Limits, free: int, needed: int) -> None:
    assert not any(entry.pinned for entry in plan_eviction(cache, limits, free, needed).entries)


@given(caches, limits, sizes, sizes)
def test_afterwards_the_limits_hold_or_it_is_said_why_not(
    cache: list[Entry], limits: Limits, free: int, needed: int
) -> None:
    plan = plan_eviction(cache, limits, free, needed)
    freed = size(plan.entries)
    within_budget = size(cache) - freed + needed <= limits.budget_bytes
    above_floor = free + freed - needed >= limits.free_floor_bytes
    assert (within_budget and above_floor) == (not plan.why_not)
    if plan.why_not:
        assert set(plan.entries) == {entry for entry in cache if not entry.pinned}


@given(caches, limits, sizes, sizes)
def test_no_more_leaves_than_is_needed(cache: list[Entry], limits: Limits, free: int, needed: int) -> None:
    plan = plan_eviction(cache, limits, free, needed)
    one_less = size(plan.entries[:-1])
    if plan.entries and not plan.why_not:
        assert (
            size(cache) - one_less + needed > limits.budget_bytes
            or free + one_less - needed < limits.free_floor_bytes
        )


@given(caches, limits, sizes, sizes)
def test_whatever_stays_was_used_no_earlier_than_what_leaves(
    cache: list[Entry], limits: Limits, free: int, needed: int
) -> None:
    leaves = plan_eviction(cache, limits, free, needed).entries
    stays = [entry for entry in cache if entry not in leaves and not entry.pinned]
    assert all(gone.last_used <= kept.last_used for gone in leaves for kept in stays)


def test_nothing_leaves_while_there_is_room() -> None:
    assert plan_eviction([entry(50)], Limits(100, 10), free_bytes=60, needed_bytes=50) == Eviction(())


def test_the_least_recently_used_leaves_first() -> None:
    newer, older, newest = entry(10, 2), entry(10, 1), entry(10, 3)
    plan = plan_eviction([newer, older, newest], Limits(25, 0), ROOMY, needed_bytes=10)
    assert plan == Eviction((older, newer))


def test_the_disk_counts_as_much_as_the_budget() -> None:
    old = entry(10)
    assert plan_eviction([old], Limits(ROOMY, 5), free_bytes=14, needed_bytes=10) == Eviction((old,))


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(1_000, 0), "20 bytes too many for the cache's budget of 1,000 bytes; 10 can be evicted"),
        (Limits(ROOMY, 500), "1,490 bytes too many for the disk with 0 bytes free, 500 of which are to stay"),
    ],
    ids=["budget", "floor"],
)
def test_the_reason_names_the_limit_and_the_numbers(limits: Limits, why: str) -> None:
    cache = [entry(10, 1), entry(20, 2, pinned=True)]
    plan = plan_eviction(
        cache, limits, free_bytes=0 if limits.free_floor_bytes else ROOMY, needed_bytes=1_000
    )
    assert plan.why_not.startswith(why)
    assert plan.why_not.endswith("20 are in use")
