"""How a file is cut: every size that S3 can hold, tiled exactly and within S3's limits."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.part_plan import (
    LARGEST_OBJECT_BYTES,
    LARGEST_PART_BYTES,
    MIB,
    MOST_PARTS,
    SMALLEST_PART_BYTES,
    Part,
    PartPlan,
    accepts,
    plan_parts,
)

SIZES = st.integers(1, LARGEST_OBJECT_BYTES)
CAPS = st.integers(1, LARGEST_PART_BYTES)


def assert_tiles(plan: PartPlan) -> None:
    end = 0
    for number, part in enumerate(plan.parts(), start=1):
        assert (part.number, part.offset) == (number, end)
        end += part.length
    assert end == plan.size_bytes


@given(SIZES, CAPS)
@example(1, 100_000_000)
@example(8 * MIB, 100_000_000)
@example(8 * MIB + 1, 100_000_000)
@example(LARGEST_OBJECT_BYTES, 100_000_000)
@example(LARGEST_OBJECT_BYTES, 1)
def test_parts_tile_the_file_exactly(size: int, cap: int) -> None:
    assert_tiles(plan_parts(size, cap))


@given(SIZES, CAPS)
@example(LARGEST_OBJECT_BYTES, 1)
def test_every_plan_is_within_the_limits_of_s3(size: int, cap: int) -> None:
    plan = plan_parts(size, cap)
    lengths = [part.length for part in plan.parts()]
    assert len(lengths) <= MOST_PARTS
    assert min(lengths) > 0
    assert all(SMALLEST_PART_BYTES <= length <= LARGEST_PART_BYTES for length in lengths[:-1])
    assert accepts(plan) is None


@given(SIZES, CAPS)
@example(9_000 * SMALLEST_PART_BYTES + 1, 1)
def test_the_cap_holds_wherever_the_number_of_parts_allows_it(size: int, cap: int) -> None:
    plan = plan_parts(size, cap)
    assert plan.part_size_bytes <= max(cap, SMALLEST_PART_BYTES) or plan.count > MOST_PARTS * 0.7


def test_an_ordinary_file_is_cut_into_parts_of_8_mib() -> None:
    assert plan_parts(20 * MIB).parts() == [
        Part(1, 0, 8 * MIB),
        Part(2, 8 * MIB, 8 * MIB),
        Part(3, 16 * MIB, 4 * MIB),
    ]


def test_an_empty_file_has_one_empty_part() -> None:
    assert plan_parts(0).parts() == [Part(1, 0, 0)]
    assert accepts(plan_parts(0)) is None


def test_a_file_that_s3_cannot_hold_is_refused_with_its_size() -> None:
    with pytest.raises(InputError, match=f"{LARGEST_OBJECT_BYTES + 1:,} bytes is larger"):
        plan_parts(LARGEST_OBJECT_BYTES + 1)


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_a_part_outside_of_the_plan_does_not_exist(number: int) -> None:
    with pytest.raises(IndexError):
        PartPlan(3 * MIB, MIB).part(number)


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (PartPlan(-1, 8 * MIB), "size must be"),
        (PartPlan(LARGEST_OBJECT_BYTES + 1, LARGEST_PART_BYTES), "size must be"),
        (PartPlan(9 * MIB, SMALLEST_PART_BYTES - 1), "parts must be"),
        (PartPlan(9 * MIB, LARGEST_PART_BYTES + 1), "parts must be"),
        (PartPlan(SMALLEST_PART_BYTES * MOST_PARTS + 1, SMALLEST_PART_BYTES), "at most 10000 parts"),
    ],
)
def test_a_plan_of_somebody_else_that_s3_would_refuse_is_refused(plan: PartPlan, why: str) -> None:
    assert why in str(accepts(plan))
