"""A dashboard is drawn with every question, figures in their units, and a word where there is no answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dashboards.answers import Series, Span
from dashboards.boards import BOARDS
from dashboards.grafana import written
from dashboards.picture import draw
from dashboards.units import spelled

if TYPE_CHECKING:
    from pathlib import Path

    from dashboards.panel import Board

TIMES = (0.0, 60.0, 120.0)
ANSWER = [
    Series("one", {"le": "1.0"}, tuple((time, 1.0) for time in TIMES)),
    Series("other", {"le": "+Inf"}, tuple((time, 3.0) for time in TIMES)),
]


def drawn(board: str, answered: bool, folder: Path) -> str:
    built = json.loads(written(next(one for one in BOARDS if one.uid == board)))
    answers = {panel["id"]: ANSWER if answered else [] for panel in built["panels"]}
    picture = folder / "board.svg"
    draw(built, answers, picture)
    return picture.read_text("utf-8")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.uid))
def test_every_question_stands_in_the_picture(board: Board, tmp_path: Path) -> None:
    picture = drawn(board.uid, True, tmp_path)
    for panel in board.panels:
        assert panel.question.replace("'", "&#x27;") in picture or panel.question in picture
    assert "nothing yet" not in picture


def test_a_question_without_an_answer_says_so(tmp_path: Path) -> None:
    assert drawn("sleap-rtc-cost", False, tmp_path).count("nothing yet") == 10


def test_the_same_answers_are_the_same_picture(tmp_path: Path) -> None:
    assert drawn("sleap-rtc-live", True, tmp_path) == drawn("sleap-rtc-live", True, tmp_path)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1536, "bytes", "1.5 KiB"),
        (2_500_000, "Bps", "2.5 MB/s"),
        (0.25, "s", "250 ms"),
        (7200, "s", "2 h"),
        (0.125, "percentunit", "12.5%"),
        (0.0042, "currencyUSD", "$0.0042"),
        (12.5, "currencyUSD", "$12.50"),
        (1500, "short", "1.5 k"),
        (3, "short", "3"),
        (64.7, "celsius", "65 °C"),
    ],
)
def test_a_figure_is_written_in_its_unit(value: float, unit: str, text: str) -> None:
    assert spelled(value, unit) == text


def test_grafanas_variables_are_filled_in() -> None:
    span = Span(1000.0, 1090.4, 1, 15)
    assert span.filled_in("rate(x[$__rate_interval]) + x[$__range]") == "rate(x[15s]) + x[91s]"
