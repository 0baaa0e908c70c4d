"""The reference pages of spans and log events are what their tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sleap_rtc.observability.trace_reference import logs_page, spans_page

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(("name", "page"), [("spans.md", spans_page), ("logs.md", logs_page)])
def test_the_page_is_made_from_the_table(name: str, page: object) -> None:
    assert callable(page)
    assert (REFERENCE / name).read_text("utf-8") == page(), "make trace-reference"
