"""The reference of the metrics is what the table makes of it."""

from __future__ import annotations

from pathlib import Path

from sleap_rtc.observability import instruments as of
from sleap_rtc.observability.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run `make metrics`"


def test_the_page_has_every_metric() -> None:
    for instrument in of.INSTRUMENTS:
        assert f"| `{instrument.prometheus}` |" in reference()
