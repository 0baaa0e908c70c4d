"""Spans: what is open, what its children are, and what is never told."""

from __future__ import annotations

import threading

import pytest
from pydantic import ValidationError
from support.jobs import TRACEPARENT

from sleap_rtc.events import tracing
from sleap_rtc.events.span_table import ATTRIBUTES, PROCESS_JOB, SPANS, TRAIN, UPLOAD_MODEL, SpanName, of_job
from sleap_rtc.events.spans import MOST_ATTRIBUTES, Link, Span, SpanKind, links_to
from sleap_rtc.events.traced_routes import traced_route

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MODULES = __import__("sleap_rtc.events.span_table", fromlist=["_"])


def test_a_child_is_of_the_trace_and_of_the_span_that_is_open() -> None:
    told: list[Span] = []
    with (
        tracing.begun(PROCESS_JOB, "worker", told.append, {}, links=(TRACEPARENT,)) as attempt,
        tracing.child(TRAIN, {"sleap_rtc.epochs": 3}),
    ):
        pass
    train, whole = told
    assert (train.trace_id, train.parent_id) == (TRACE, attempt.context.span_id) == (TRACE, whole.span_id)
    assert (whole.parent_id, whole.links) == ("", links_to([TRACEPARENT]))
    assert whole.start_ns <= train.start_ns <= train.end_ns <= whole.end_ns
    assert train.attributes == {"sleap_rtc.epochs": 3}
    assert (train.kind, whole.kind) == (SpanKind.INTERNAL, SpanKind.CONSUMER)


def test_where_nothing_is_open_nobody_hears() -> None:
    with tracing.child(TRAIN, {}) as span:
        assert span is None
    assert (tracing.current(), tracing.current_traceparent()) == (None, "")


def test_a_parent_in_another_process_is_a_parent() -> None:
    told: list[Span] = []
    with tracing.begun(PROCESS_JOB, "worker", told.append, {}, within=TRACEPARENT):
        pass
    assert (told[0].trace_id, told[0].parent_id) == (TRACE, "00f067aa0ba902b7")


def test_what_is_broken_off_says_by_what_kind_of_error_and_not_more() -> None:
    told: list[Span] = []
    with pytest.raises(ValueError, match="secret"), tracing.begun(TRAIN, "worker", told.append, {}):
        raise ValueError("a secret")
    assert (told[0].status, told[0].attributes) == ("error", {"error.type": "ValueError"})
    assert "secret" not in told[0].model_dump_json()


def test_what_came_to_nothing_is_not_told() -> None:
    told: list[Span] = []
    with tracing.begun(TRAIN, "worker", told.append, {}) as span:
        span.forget()
    assert told == []


@pytest.mark.parametrize(
    "value",
    [
        "https://bucket.s3.amazonaws.com/data?X-Amz-Signature=0123",
        "/home/ada/flies.slp",
        "C:\\flies.slp",
        "~/flies",
        "data?X-Amz-Signature=0123",
    ],
)
def test_addresses_and_paths_are_left_out(value: str) -> None:
    told: list[Span] = []
    with tracing.begun(UPLOAD_MODEL, "worker", told.append, {"sleap_rtc.model.id": value}):
        tracing.note({"sleap_rtc.model.type": value, "sleap_rtc.size": 1})
    assert told[0].attributes == {"sleap_rtc.size": 1}


def test_only_what_the_table_allows_stands_in_a_span() -> None:
    told: list[Span] = []
    with tracing.begun(TRAIN, "worker", told.append, {"sleap_rtc.parts": 3, **of_job("mice-1", "j")}):
        pass
    assert told[0].attributes == of_job("mice-1", "j")


def test_a_thread_belongs_to_the_span_it_was_started_in() -> None:
    found: list[str] = []
    with tracing.begun(TRAIN, "worker", lambda _: None, {}) as span:
        inside = tracing.in_this_span(lambda: found.append(tracing.current_traceparent()))
        for target in (inside, lambda: found.append(tracing.current_traceparent())):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert found == [span.traceparent, ""]


def test_all_hooks_hear() -> None:
    first: list[Span] = []
    second: list[Span] = []
    with tracing.begun(TRAIN, "worker", tracing.all_of(first.append, second.append), {}):
        pass
    assert first == second != []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-abc",
        TRACEPARENT.upper(),
        TRACEPARENT + "0",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        TRACEPARENT.replace("-", "_"),
        f" {TRACEPARENT[1:]}",
    ],
)
def test_what_is_no_trace_context_links_to_nothing(text: str) -> None:
    assert Link.of(text) is None
    assert links_to([text, TRACEPARENT, TRACEPARENT]) == (Link.of(TRACEPARENT),)


SPAN = {"trace_id": TRACE, "span_id": "00f067aa0ba902b7", "name": "train", "part": "worker"}
TIMES = {"start_ns": 1, "end_ns": 2}


@pytest.mark.parametrize(
    "wrong",
    [
        {"trace_id": "x"},
        {"span_id": "0" * 17},
        {"name": "<script>"},
        {"name": "a" * 81},
        {"part": "stranger"},
        {"start_ns": -1},
        {"start_ns": 3},
        {"end_ns": 2**63},
        {"attributes": {"a": "x" * 257}},
        {"attributes": {"A b": 1}},
        {"attributes": {f"a{n}": n for n in range(MOST_ATTRIBUTES + 1)}},
        {"links": [{"trace_id": TRACE, "span_id": "00f067aa0ba902b7"}] * 9},
        {"more": 1},
    ],
)
def test_a_span_from_outside_is_bounded(wrong: dict[str, object]) -> None:
    Span.model_validate({**SPAN, **TIMES})
    with pytest.raises(ValidationError):
        Span.model_validate({**SPAN, **TIMES, **wrong})


def test_the_table_has_every_span_and_explains_every_attribute() -> None:
    defined = {value for value in vars(MODULES).values() if isinstance(value, SpanName)}
    assert defined == set(SPANS)
    used = {name for span in SPANS for name in span.allowed}
    assert used == set(ATTRIBUTES)


def test_attributes_of_the_semantic_conventions_are_spelt_as_they_are() -> None:
    from opentelemetry.semconv._incubating.attributes import aws_attributes, messaging_attributes
    from opentelemetry.semconv.attributes import error_attributes, http_attributes

    modules = (aws_attributes, messaging_attributes, error_attributes, http_attributes)
    known = {value for module in modules for name, value in vars(module).items() if name.isupper()}
    assert {name for name in ATTRIBUTES if not name.startswith("sleap_rtc.")} <= known


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/api/request-upload", "/api/request-upload"),
        ("POST", "/api/rooms/mice-1/jobs", "/api/rooms/{room_id}/jobs"),
        ("POST", "/api/rooms/mice-1/jobs/01J/model", "/api/rooms/{room_id}/jobs/{job_id}/model"),
        ("GET", "/api/rooms/mice-1/jobs", None),
        ("POST", "/api/uploads/x/sign-parts", None),
        ("POST", "/api/rooms/mice-1/jobs/01J/report", None),
        ("POST", "/api/rooms/a/b/jobs", None),
    ],
)
def test_few_requests_are_steps(method: str, path: str, route: str | None) -> None:
    assert traced_route(method, path) == route
