"""The routes of a job's trace as a stranger would try them, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.desktop import ServiceLab

from sleap_rtc.events.spans import MOST_SPANS

if TYPE_CHECKING:
    from support.product import Product

NEVER = "01J00000000000000000000000"
SPAN: dict[str, Any] = {
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "name": "upload dataset",
    "kind": "client",
    "part": "client",
    "start_ns": 1,
    "end_ns": 2,
    "attributes": {"sleap_rtc.size": 3},
}


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    lab = ServiceLab(product)
    lab.let_in("a reader", "reader")
    return lab


def path(job_id: str = NEVER) -> str:
    return f"/jobs/{job_id}/trace"


def test_what_a_client_sends_of_a_job_that_is_not_made_yet_is_read_by_a_reader(lab: ServiceLab) -> None:
    assert lab.answer("POST", path(), {"spans": [SPAN]}) == (200, {"kept": 1})
    status, found = lab.answer("GET", path(), None, "a reader")
    assert (status, [span["span_id"] for span in found["spans"]]) == (200, [SPAN["span_id"]])


def test_only_who_may_write_adds_to_it_and_strangers_see_nothing(lab: ServiceLab) -> None:
    assert lab.answer("POST", path(), {"spans": [SPAN]}, "a reader")[0] == 403
    assert lab.answer("POST", path(), {"spans": [SPAN]}, "a stranger")[0] == 404
    assert lab.answer("GET", path(), None, "a stranger")[0] == 404


def test_nobody_speaks_for_the_service(lab: ServiceLab) -> None:
    assert lab.answer("POST", path(), {"spans": [SPAN | {"part": "service"}]}) == (200, {"kept": 0})
    assert lab.answer("GET", path(), None)[1] == {"spans": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"spans": []},
        {"spans": [SPAN] * (MOST_SPANS + 1)},
        {"spans": [SPAN | {"name": "\n"}]},
        {"spans": [SPAN | {"end_ns": 0}]},
        {"spans": [SPAN | {"attributes": {"a": "x" * 1000}}]},
        {"spans": [SPAN | {"attributes": {"a": {"b": 1}}}]},
        {"spans": [SPAN], "more": 1},
    ],
)
def test_what_is_not_bounded_is_refused(lab: ServiceLab, body: dict[str, Any]) -> None:
    assert lab.answer("POST", path(), body)[0] == 422
    assert lab.answer("GET", path(), None)[1] == {"spans": []}


@pytest.mark.parametrize("job_id", ["x", "01j00000000000000000000000", ".." + "0" * 24])
def test_what_is_no_job_id_leads_nowhere(lab: ServiceLab, job_id: str) -> None:
    assert lab.answer("POST", path(job_id), {"spans": [SPAN]})[0] in {404, 422}
