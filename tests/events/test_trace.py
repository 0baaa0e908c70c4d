"""The W3C trace context: what is well formed is kept, anything else is replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import TRACEPARENT

from sleap_rtc.events.trace import kept_or_new, new_traceparent, trace_id


def test_a_new_trace_is_well_formed() -> None:
    assert new_traceparent(lambda size: "ab" * size) == f"00-{'ab' * 16}-{'ab' * 8}-01"
    assert trace_id(new_traceparent()) is not None


def test_all_steps_of_a_trace_share_its_id() -> None:
    assert trace_id(TRACEPARENT) == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_well_formed_trace_from_outside_is_kept() -> None:
    assert kept_or_new(TRACEPARENT) == TRACEPARENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-abc",
        TRACEPARENT.upper(),
        f"{TRACEPARENT}\n",
        f"01{TRACEPARENT[2:]}",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
    ],
)
def test_what_is_no_trace_is_replaced(text: str) -> None:
    assert trace_id(text) is None
    assert trace_id(kept_or_new(text)) is not None


@given(st.text(max_size=60))
def test_whatever_comes_from_outside_a_trace_goes_in(text: str) -> None:
    assert trace_id(kept_or_new(text)) is not None
