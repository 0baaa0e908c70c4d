"""Loss curves as pictures: of each kind, of one model or several, and where they cannot be drawn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.client.loss_curve import loss_curve
from sleap_rtc.client.loss_plot import NamedCurve, checked_picture, plot_losses
from sleap_rtc.client.model_errors import PlotMissing
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def falling(name: str, by: float, *, validated: bool = True) -> NamedCurve:
    """Return the curve of a training whose loss is so many times lower after every epoch."""
    steps = [{"loss": by**-n, **({"val_loss": 2 * by**-n} if validated else {})} for n in range(5)]
    curve = loss_curve({"curve": steps})
    assert curve is not None
    return NamedCurve(name, curve)


def texts(path: Path, *curves: NamedCurve) -> str:
    """Draw a picture and return what is written in it."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        plot_losses(curves, path)
    return path.read_text("utf-8")


@pytest.mark.parametrize("ending", sorted(MAGIC))
def test_a_picture_is_of_the_kind_that_its_name_says(tmp_path: Path, ending: str) -> None:
    path = checked_picture(tmp_path / f"loss{ending}")
    plot_losses([falling("best (0000000a)", 2)], path)
    assert path.read_bytes().startswith(MAGIC[ending])


def test_a_picture_of_one_model_says_which_and_when_it_was_best(tmp_path: Path) -> None:
    said = texts(tmp_path / "loss.svg", falling("best (0000000a)", 2))
    for text in ("Loss of best (0000000a)", "training", "validation", "lowest 0.125 at epoch 5", ">loss<"):
        assert text in said


def test_what_spans_more_than_two_decades_is_drawn_in_steps_of_ten(tmp_path: Path) -> None:
    assert "loss (log scale)" in texts(tmp_path / "loss.svg", falling("a", 5))


def test_several_models_stand_in_one_picture_one_line_of_the_legend_each(tmp_path: Path) -> None:
    said = texts(tmp_path / "loss.svg", falling("one", 2), falling("two", 2, validated=False))
    assert "Loss of 2 models" in said
    assert "one, lowest 0.125 at epoch 5" in said
    assert ">two<" in said


def test_a_curve_of_one_epoch_is_drawn(tmp_path: Path) -> None:
    curve = loss_curve({"curve": [{"val_loss": 1.5}]})
    assert curve is not None
    assert "lowest 1.5 at epoch 1" in texts(tmp_path / "loss.svg", NamedCurve("short", curve))


def test_without_matplotlib_one_sentence_says_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PlotMissing, match=r"pip install 'sleap-rtc\[plot\]'$"):
        plot_losses([falling("a", 2)], tmp_path / "loss.png")


@pytest.mark.parametrize("name", ["loss.jpg", "loss", "gone/loss.png"])
def test_a_picture_that_cannot_be_drawn_is_refused_first(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends with one of|There is no folder"):
        checked_picture(tmp_path / name)
