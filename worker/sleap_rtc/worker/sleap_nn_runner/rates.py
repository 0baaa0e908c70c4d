"""Pure: the learning rate of an optimizer that may have groups of parameters, and of what schedules it.

Optimizers and schedulers are torch's: `param_groups` with `lr` in each, `base_lrs` and `_last_lr`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_CURVES = ("base_lrs", "_warmup_start_lrs", "_eta_mins", "_end_lrs")
"""What schedules compute rates from anew in each epoch; those with an underscore are sleap-nn's."""


def rate_of(optimizers: Sequence[Any]) -> float:
    """Return the rate of the first group, which is what a configuration sets."""
    return float(optimizers[0].param_groups[0]["lr"])


def set_rate(optimizers: Sequence[Any], schedulers: Sequence[Any], value: float) -> str:
    """Give the first group a rate and all others the same fraction of it as before.

    Schedules go on from there instead of undoing it at their next step.

    Returns:
        What the schedules make of it, in words; nothing where there is none.
    """
    before = rate_of(optimizers)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * value / before if before else value
            if "initial_lr" in group:
                group["initial_lr"] = group["initial_lr"] * value / before if before else value
    return " and ".join(_follow(scheduler, value, before) for scheduler in schedulers)


def _follow(scheduler: Any, value: float, before: float) -> str:
    name = type(scheduler).__name__
    scheduler._last_lr = [float(group["lr"]) for group in scheduler.optimizer.param_groups]
    if hasattr(scheduler, "num_bad_epochs"):
        # It lowers whatever rate it finds, but counts the epochs without progress under the old one.
        scheduler.num_bad_epochs = 0
        return f"{name} may lower it after {scheduler.patience} more epochs without progress"
    for curve in _CURVES:
        rates = getattr(scheduler, curve, None)
        if rates is not None:
            setattr(scheduler, curve, [rate * value / before if before else value for rate in rates])
    return f"{name} goes on from it"
