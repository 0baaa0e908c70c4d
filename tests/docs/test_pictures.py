"""The pictures of the documentation show what the product shows."""

from __future__ import annotations

from support.live_picture import PICTURE, picture


def test_the_picture_of_the_live_view_is_what_it_draws() -> None:
    assert PICTURE.read_text("utf-8") == picture(), "PYTHONPATH=tests python -m support.live_picture"
