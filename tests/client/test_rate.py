"""A rate limit: what may be written, what it means, and what comes before what."""

from __future__ import annotations

import pytest

from sleap_rtc.client import wiring
from sleap_rtc.client.rate import parse_rate
from sleap_rtc.storage.errors import InputError


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5MB", 5_000_000),
        ("800kB", 800_000),
        ("800KB", 800_000),
        ("2MiB", 2_097_152),
        ("1.5 GB/s", 1_500_000_000),
        ("64KiB", 65_536),
        ("1GiB", 2**30),
        (" 5000 ", 5000),
        ("5000B", 5000),
        ("0", 0),
        ("0MB", 0),
    ],
)
def test_a_rate_is_bytes_per_second(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "fast", "MB", "-5MB", "5Mb", "5Mbit", "5mb", "5 M B", "5,5MB", "nan", "9" * 400]
)
def test_what_is_no_rate_is_told_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="such as 5MB, 800kB or 2MiB"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["5", "999B", "0.1kB", "0.0001"])
def test_a_rate_that_a_forgotten_unit_made_tiny_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="too slow to send anything"):
        parse_rate(text)


@pytest.mark.parametrize(("option", "rate"), [("", 7000), ("5MB", 5_000_000), ("0", 0)])
def test_the_option_comes_before_the_setting(monkeypatch: pytest.MonkeyPatch, option: str, rate: int) -> None:
    monkeypatch.setenv("SLEAP_RTC_BANDWIDTH_LIMIT", "7000")
    assert wiring.settings_for(option).bandwidth_limit == rate
