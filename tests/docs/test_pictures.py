"""The pictures of the documentation show what the product shows."""

from __future__ import annotations

from support import trace_picture
from support.live_picture import PICTURE, picture


def test_the_picture_of_the_live_view_is_what_it_draws() -> None:
    assert PICTURE.read_text("utf-8") == picture(), "PYTHONPATH=tests python -m support.live_picture"


def test_the_picture_of_a_trace_is_what_the_command_prints() -> None:
    command = "PYTHONPATH=tests python -m support.trace_picture"
    assert trace_picture.PICTURE.read_text("utf-8") == trace_picture.picture(), command
