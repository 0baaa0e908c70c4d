"""A training in one line: never too wide, never out of its scale, gaps where nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleap_rtc.client.loss_curve import loss_curve, scale_of
from sleap_rtc.client.sparkline import BARS, sparkline

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.one_of(NUMBERS, st.none(), st.just("low"), st.just(float("nan")), st.booleans())


def drawn(values: Sequence[float | None], width: int = 40) -> str:
    return sparkline(values, scale_of(value for value in values if value is not None), width)


def test_what_falls_evenly_falls_evenly() -> None:
    assert drawn([float(value) for value in range(7, -1, -1)]) == BARS[::-1]


def test_what_falls_over_decades_falls_evenly_too() -> None:
    assert drawn([10.0**-power for power in range(8)]) == BARS[::-1]


def test_what_stays_the_same_is_flat_and_what_is_not_known_is_a_gap() -> None:
    assert drawn([0.5, None, 0.5]) == f"{BARS[0]} {BARS[0]}"


def test_many_epochs_share_a_bar() -> None:
    assert drawn([4.0, 4.0, 2.0, 2.0, 0.0, 0.0], width=3) == f"{BARS[7]}{BARS[4]}{BARS[0]}"


@given(st.lists(st.one_of(st.none(), NUMBERS), min_size=1).filter(any), st.integers(1, 50))
def test_a_line_is_as_long_as_there_is_to_show_and_no_wider_than_it_may_be(
    values: list[float | None], width: int
) -> None:
    line = drawn(values, width)
    assert len(line) == min(width, len(values))
    assert set(line) <= {*BARS, " "}


@given(st.lists(NUMBERS, min_size=1, max_size=50))
def test_a_lower_loss_has_no_higher_bar(losses: list[float]) -> None:
    line = drawn(sorted(losses), width=50)
    assert [BARS.index(bar) for bar in line] == sorted(BARS.index(bar) for bar in line)


@pytest.mark.parametrize(
    "names", [("train/loss", "val/loss"), ("train_loss", "val_loss"), ("loss", "val_loss")]
)
def test_every_trainers_names_are_known(names: tuple[str, str]) -> None:
    train, val = names
    curve = loss_curve({"curve": [{"epoch": 0, train: 2, val: 3.0}, {"epoch": 1, train: 1, val: 4.0}]})
    assert curve is not None
    assert (curve.epochs, curve.train, curve.val) == ((1, 2), (2.0, 1.0), (3.0, 4.0))
    assert curve.best() == (1, 3.0)


@pytest.mark.parametrize("metrics", [{}, {"curve": None}, {"curve": []}, {"curve": [{"epoch": 0}, 7]}])
def test_where_there_are_no_losses_there_is_no_curve(metrics: dict[str, Any]) -> None:
    assert loss_curve(metrics) is None


def test_a_training_without_validation_has_no_best_epoch() -> None:
    curve = loss_curve({"curve": [{"loss": 1.0}]})
    assert curve is not None
    assert curve.best() is None


@given(st.lists(st.dictionaries(st.sampled_from(["epoch", "loss", "val_loss"]), ANYTHING), max_size=9))
def test_whatever_a_trainer_said_is_drawn(steps: list[dict[str, Any]]) -> None:
    curve = loss_curve({"curve": steps})
    if curve is not None:
        scale = scale_of(curve.values())
        assert len(sparkline(curve.train, scale, 40)) == len(sparkline(curve.val, scale, 40)) == len(steps)
