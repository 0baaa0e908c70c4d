"""The pictures of the documentation show what the product shows."""

from __future__ import annotations

from support import saving_picture, trace_picture
from support.live_picture import PICTURE, picture


def test_the_picture_of_the_live_view_is_what_it_draws() -> None:
    assert PICTURE.read_text("utf-8") == picture(), "PYTHONPATH=tests python -m support.live_picture"


def test_the_page_on_costs_says_what_the_model_says() -> None:
    assert saving_picture.PAGE.read_text("utf-8") == saving_picture.page(), (
        "PYTHONPATH=tests python -m support.saving_picture"
    )


def test_the_picture_of_savings_has_every_line_of_the_model() -> None:
    def shapes(svg: str) -> list[str]:
        return [
            line.strip() for line in svg.splitlines() if "<path d=" in line or line.strip().startswith("L ")
        ]

    assert shapes(saving_picture.PICTURE.read_text("utf-8")) == shapes(saving_picture.picture()), (
        "PYTHONPATH=tests python -m support.saving_picture"
    )


def test_the_picture_of_a_trace_is_what_the_command_prints() -> None:
    command = "PYTHONPATH=tests python -m support.trace_picture"
    assert trace_picture.PICTURE.read_text("utf-8") == trace_picture.picture(), command
