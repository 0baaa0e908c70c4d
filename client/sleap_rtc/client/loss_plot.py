"""Adapter: loss curves as a picture, by matplotlib where it is installed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sleap_rtc.client.loss_curve import LossCurve, scale_of
from sleap_rtc.client.model_errors import PlotMissing
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

FORMATS = {".png", ".svg", ".pdf"}
_INCHES = (8.0, 4.8)
_DPI = 150
_FEW_EPOCHS = 30
"""Beyond these, a mark for each epoch would hide the line."""


@dataclass(frozen=True)
class NamedCurve:
    """The curve of a model, and what to call it in the picture."""

    name: str
    curve: LossCurve


def checked_picture(path: Path) -> Path:
    """Return where a picture is to be written, if it is one of a kind that can be.

    Raises:
        InputError: its ending says otherwise, or there is no such folder.
    """
    if path.suffix.lower() not in FORMATS:
        endings = ", ".join(sorted(FORMATS))
        raise InputError(message=f"{path} cannot be drawn: the name of a picture ends with one of {endings}.")
    if not path.parent.is_dir():
        raise InputError(message=f"There is no folder {path.parent} to put {path.name} in.")
    return path


def plot_losses(curves: Sequence[NamedCurve], path: Path) -> None:
    """Draw the losses of one or more models, and write the picture.

    Raises:
        PlotMissing: matplotlib is not installed.
        InputError: the picture cannot be written.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ModuleNotFoundError as error:
        raise PlotMissing from error
    figure = Figure(_INCHES, layout="constrained")
    axes = figure.add_subplot()
    if len(curves) == 1:
        _draw_alone(axes, curves[0])
    else:
        _draw_together(axes, curves)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True))
    scale = scale_of(chain.from_iterable(named.curve.values() for named in curves))
    axes.set_ylabel("loss (log scale)" if scale.logarithmic else "loss")
    if scale.logarithmic:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower(), dpi=_DPI)
    try:
        path.write_bytes(picture.getvalue())
    except OSError as error:
        raise InputError(message=f"{path} cannot be written: {error.strerror}.") from error


def _draw_alone(axes: Axes, named: NamedCurve) -> None:
    axes.set_title(f"Loss of {named.name}", loc="left")
    mark = "." if len(named.curve.epochs) <= _FEW_EPOCHS else ""
    _line(axes, named.curve.epochs, named.curve.train, "C0", "--", mark, "training")
    _line(axes, named.curve.epochs, named.curve.val, "C0", "-", mark, "validation")
    _circle(axes, named.curve, "C0", _best(named.curve))


def _draw_together(axes: Axes, curves: Sequence[NamedCurve]) -> None:
    """Draw each model in a colour of its own, with one line in the legend."""
    axes.set_title(f"Loss of {len(curves)} models: validation, and training dashed", loc="left")
    for index, named in enumerate(curves):
        colour, curve = f"C{index % 10}", named.curve
        best = _best(curve)
        label = f"{named.name}, {best}" if best else named.name
        validated = bool(best)
        _line(axes, curve.epochs, curve.train, colour, "--", "", "" if validated else label)
        _line(axes, curve.epochs, curve.val, colour, "-", "", label)
        _circle(axes, curve, colour, "")


def _best(curve: LossCurve) -> str:
    best = curve.best()
    return f"lowest {best[1]:.4g} at epoch {best[0]}" if best else ""


def _line(
    axes: Axes,
    epochs: Sequence[int],
    losses: Sequence[float | None],
    colour: str,
    style: str,
    mark: str,
    label: str,
) -> None:
    """Draw a line, if there is one to draw; a label that is empty is not in the legend."""
    if any(loss is not None for loss in losses):
        shown = [float("nan") if loss is None else loss for loss in losses]
        width = 1.8 if style == "-" else 1.2
        axes.plot(epochs, shown, style, color=colour, linewidth=width, marker=mark, label=label)


def _circle(axes: Axes, curve: LossCurve, colour: str, label: str) -> None:
    """Mark the best epoch, if there is one."""
    if best := curve.best():
        axes.plot(
            *([each] for each in best),
            "o",
            color=colour,
            markersize=9,
            markerfacecolor="white",
            zorder=3,
            label=label,
        )
