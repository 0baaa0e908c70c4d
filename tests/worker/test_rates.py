"""The learning rate in optimizers and schedules that have the attributes of torch's."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from sleap_rtc.worker.sleap_nn_runner.rates import rate_of, set_rate


def optimizer(*rates: float) -> Any:
    return SimpleNamespace(param_groups=[{"lr": rate, "initial_lr": rate} for rate in rates])


class ReduceLROnPlateau:
    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.patience = 5
        self.num_bad_epochs = 4
        self._last_lr = [group["lr"] for group in optimizer.param_groups]


class WarmupThenCosine:
    """As sleap-nn's: computes each rate anew from where it began."""

    def __init__(self, optimizer: Any, end: float) -> None:
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self._eta_mins = [end for _ in self.base_lrs]
        self._last_lr = list(self.base_lrs)

    def at(self, progress: float) -> list[float]:
        falls = (1 + math.cos(math.pi * progress)) / 2
        return [low + (high - low) * falls for low, high in zip(self._eta_mins, self.base_lrs, strict=True)]


def test_groups_keep_their_share() -> None:
    adam = optimizer(0.001, 0.0001)
    assert set_rate([adam], [], 0.0005) == ""
    assert [group["lr"] for group in adam.param_groups] == pytest.approx([0.0005, 0.00005])
    assert rate_of([adam]) == 0.0005


def test_a_plateau_counts_anew_from_the_rate_that_was_set() -> None:
    adam = optimizer(0.001)
    plateau = ReduceLROnPlateau(adam)
    told = set_rate([adam], [plateau], 0.0005)
    assert told == "ReduceLROnPlateau may lower it after 5 more epochs without progress"
    assert (plateau.num_bad_epochs, plateau._last_lr) == (0, [0.0005])


def test_a_curve_goes_through_the_rate_that_was_set() -> None:
    adam = optimizer(0.001)
    curve = WarmupThenCosine(adam, end=1e-5)
    now = curve.at(0.3)
    adam.param_groups[0]["lr"] = now[0]
    assert set_rate([adam], [curve], now[0] / 4) == "WarmupThenCosine goes on from it"
    assert curve.at(0.3) == pytest.approx([now[0] / 4])


def test_a_rate_of_nothing_can_be_raised() -> None:
    adam = optimizer(0.0, 0.0)
    set_rate([adam], [WarmupThenCosine(adam, end=0.0)], 0.01)
    assert [group["lr"] for group in adam.param_groups] == [0.01, 0.01]
