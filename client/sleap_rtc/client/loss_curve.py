"""Pure: the loss of a training, epoch by epoch, from what the trainers say.

Names by trainer: `train/loss`, `val/loss` (sleap-nn, the reference trainer), `train_loss`, `val_loss`
(Lightning's own), `loss`, `val_loss` (SLEAP's TensorFlow models). They count epochs from 0; people, and what
is told here, from 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TRAIN = ("train/loss", "train_loss", "loss")
_VAL = ("val/loss", "val_loss")
_WIDE = 100.0
"""Two decades: what spans more is read on a logarithmic scale."""


@dataclass(frozen=True)
class LossCurve:
    """Losses by epoch; None where a trainer said none, or no number."""

    epochs: tuple[int, ...]
    train: tuple[float | None, ...]
    val: tuple[float | None, ...]

    def values(self) -> list[float]:
        """Return all losses that there are."""
        return [value for value in chain(self.train, self.val) if value is not None]

    def best(self) -> tuple[int, float] | None:
        """Return the epoch with the lowest validation loss, and that loss; None where there is none."""
        found = [(loss, epoch) for epoch, loss in zip(self.epochs, self.val, strict=True) if loss is not None]
        if not found:
            return None
        loss, epoch = min(found)
        return epoch, loss


@dataclass(frozen=True)
class Scale:
    """From where to where something is drawn, and whether in steps of ten."""

    low: float
    high: float
    logarithmic: bool

    def place(self, value: float) -> float:
        """Return where a value between low and high stands, from 0 to 1; 0 where there is no span."""
        value, low, high = (self._position(each) for each in (value, self.low, self.high))
        return (value - low) / (high - low) if high > low else 0.0

    def at(self, place: float) -> float:
        """Return the value that stands at a place from 0 to 1."""
        low, high = self._position(self.low), self._position(self.high)
        position = low + (high - low) * place
        return math.exp(position) if self.logarithmic else position * 2

    def _position(self, value: float) -> float:
        # Halves, so that the distance of the largest numbers is a number.
        return math.log(value) if self.logarithmic else value / 2


def loss_curve(metrics: Mapping[str, Any]) -> LossCurve | None:
    """Return the curve in a model's metrics, None where there is none."""
    steps = metrics.get("curve")
    if not isinstance(steps, list):
        return None
    steps = [step for step in steps if isinstance(step, dict)]
    curve = LossCurve(
        tuple(_epoch(step, index) for index, step in enumerate(steps)),
        tuple(train_loss(step) for step in steps),
        tuple(val_loss(step) for step in steps),
    )
    return curve if curve.values() else None


def train_loss(logs: Mapping[str, Any]) -> float | None:
    """Return the training loss among what a trainer measured; None where there is none, or no number."""
    return _loss(logs, _TRAIN)


def val_loss(logs: Mapping[str, Any]) -> float | None:
    """Return the validation loss likewise."""
    return _loss(logs, _VAL)


def scale_of(values: Iterable[float]) -> Scale:
    """Return the scale on which these can be read, of which there is at least one."""
    every = list(values)
    low, high = min(every), max(every)
    return Scale(low, high, low > 0 and high / low > _WIDE)


def _epoch(step: Mapping[str, Any], index: int) -> int:
    epoch = step.get("epoch")
    return (epoch if isinstance(epoch, int) else index) + 1


def _loss(step: Mapping[str, Any], names: Sequence[str]) -> float | None:
    value = next((step[name] for name in names if name in step), None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
