"""What people type and read of a room's models."""

from __future__ import annotations

from typing import Any

import pytest

from sleap_rtc.client.model_words import error_of, flat, parse_grace, tag_options
from sleap_rtc.storage.errors import InputError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("m +good -old", "m --add good --remove old"),
        ("m -r lab +good", "m -r lab --add good"),
        ("-r -odd m +a", "-r -odd m --add a"),
        ("m --add -x --remove +y", "m --add -x --remove +y"),
        ("m -rlab --help", "m --remove rlab --help"),
        ("m --add -r +x", "m --add -r --add x"),
        ("m + - ++a", "m + - --add +a"),
    ],
)
def test_plus_and_minus_are_short_for_adding_and_taking_off(typed: str, meant: str) -> None:
    assert " ".join(tag_options(typed.split())) == meant


@pytest.mark.parametrize(
    ("typed", "hours"), [("24h", 24), ("1h", 1), ("7d", 168), ("1.5 h", 1.5), ("365d", 8760)]
)
def test_a_grace_is_given_in_hours_or_days(typed: str, hours: float) -> None:
    assert parse_grace(typed) == hours


@pytest.mark.parametrize("typed", ["", "0h", "30m", "24", "-1h", "366d", "0.5h", "1e9h", "nan"])
def test_a_grace_that_cannot_be_is_refused(typed: str) -> None:
    with pytest.raises(InputError, match="from 1h to 365d"):
        parse_grace(typed)


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({"val_error_px": 1.234, "val_loss": 7}, "1.23 px"),
        ({"best_val_loss": 0.01234, "val_loss": 7}, "loss 0.0123"),
        ({"val_loss": "low"}, ""),
        ({}, ""),
    ],
)
def test_an_error_is_told_in_pixels_if_there_are_any(metrics: dict[str, Any], text: str) -> None:
    assert error_of(metrics) == text


def test_what_lies_in_something_is_told_with_its_way_there() -> None:
    values = {"a": {"b": {"c": 0.1 + 0.2}, "d": [1, 2]}, "e": None}
    assert list(flat(values)) == [("a.b.c", "0.3"), ("a.d", "[1, 2]"), ("e", "None")]
