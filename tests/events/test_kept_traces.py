"""The spans of a job where they are kept: few objects, bounded, and never in anybody's way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.jobs import ROOM, CountingStore

from sleap_rtc.events import tracing
from sleap_rtc.events.span_keeper import SpanKeeper
from sleap_rtc.events.span_table import TRAIN, TRAIN_COMMAND, of_job
from sleap_rtc.events.spans import MOST_SPANS, Span
from sleap_rtc.events.trace_store import MOST_PIECES, StoredTraces
from sleap_rtc.storage.errors import InputError, Unreachable
from sleap_rtc.storage.object_store import Create
from sleap_rtc.storage.trace_keys import trace_key, trace_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

JOB = "01J00000000000000000000000"
IN_NO_TIME_S = 0.0


def span(number: int = 1, **changed: object) -> Span:
    made = {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": f"{number:016x}",
        "name": "train",
        "part": "worker",
        "start_ns": number,
        "end_ns": number + 1,
    }
    return Span.model_validate({**made, **changed})


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def pieces(store: CountingStore) -> list[str]:
    return [found.key for found in store.list(trace_prefix(ROOM, JOB))]


def test_what_was_written_is_read_in_its_order_each_once(store: CountingStore) -> None:
    traces = StoredTraces(store)
    traces.write(ROOM, JOB, [span(3), span(1)])
    traces.write(ROOM, JOB, [span(2), span(3)])
    assert [found.start_ns for found in traces.read(ROOM, JOB)] == [1, 2, 3]
    assert len(pieces(store)) == 2


def test_a_piece_that_cannot_be_read_costs_that_piece_alone(store: CountingStore) -> None:
    traces = StoredTraces(store)
    traces.write(ROOM, JOB, [span()])
    store.put(trace_key(ROOM, JOB, "01J00000000000000000000000"), b"{", Create())
    store.put(
        trace_key(ROOM, JOB, "01J00000000000000000000001"), b'{"schema_version": 9, "spans": []}', Create()
    )
    assert traces.read(ROOM, JOB) == [span()]


def test_a_piece_has_so_many_spans_and_a_job_so_many_pieces(store: CountingStore) -> None:
    traces = StoredTraces(store)
    traces.write(ROOM, JOB, [span(number) for number in range(1, MOST_SPANS + 10)])
    assert len(traces.read(ROOM, JOB)) == MOST_SPANS
    for number in range(MOST_PIECES):
        traces.write_for(ROOM, JOB, [span(number + 1)])
    with pytest.raises(InputError, match="it takes no more"):
        traces.write_for(ROOM, JOB, [span()])


def test_of_what_others_send_only_what_may_be_kept_is(store: CountingStore) -> None:
    traces = StoredTraces(store)
    sent = span(
        attributes={
            "sleap_rtc.size": 3,
            "sleap_rtc.cause": "https://bucket/data?X-Amz-Signature=01",
            "sleap_rtc.model.id": "/home/ada/model",
            "file.path": "flies.slp",
        }
    )
    assert traces.write_for(ROOM, JOB, [sent, span(2, part="service")]) == 1
    assert traces.read(ROOM, JOB) == [span(attributes={"sleap_rtc.size": 3})]


class Writer:
    """Takes what is to be kept, or does not."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.written: list[tuple[str, list[str]]] = []
        self.trouble = trouble

    def write(self, room_id: str, job_id: str, spans: Sequence[Span]) -> None:
        if self.trouble:
            raise self.trouble
        self.written.append((f"{room_id}/{job_id}", [span.name for span in spans]))


def test_spans_are_gathered_and_those_without_a_job_belong_to_that_of_their_trace() -> None:
    writer = Writer()
    keeper = SpanKeeper(writer)
    with tracing.begun(TRAIN_COMMAND, "client", keeper, {}) as whole:
        with tracing.child(TRAIN, {}):
            pass
        whole.note(of_job(ROOM, JOB))
    keeper.close()
    assert writer.written == [(f"{ROOM}/{JOB}", ["train", "client-train"])]


def test_spans_of_no_job_are_not_kept() -> None:
    writer = Writer()
    keeper = SpanKeeper(writer, IN_NO_TIME_S)
    keeper(span())
    keeper.close()
    assert writer.written == []


def test_a_store_that_is_away_costs_its_spans_alone() -> None:
    writer = Writer(Unreachable(where="S3", why="down"))
    keeper = SpanKeeper(writer, IN_NO_TIME_S)
    keeper(span(1, attributes=of_job(ROOM, JOB)))
    keeper.close()
    writer.trouble = None
    keeper(span(2, attributes=of_job(ROOM, JOB)))
    assert writer.written == []


def test_a_store_that_hangs_keeps_nobody_waiting() -> None:
    hangs, begun = threading.Event(), threading.Event()

    class Hanging(Writer):
        def write(self, room_id: str, job_id: str, spans: Sequence[Span]) -> None:
            begun.set()
            hangs.wait()

    keeper = SpanKeeper(Hanging(), IN_NO_TIME_S)
    keeper(span(1, attributes=of_job(ROOM, JOB)))
    assert begun.wait(30)
    for number in range(2, 5000):
        keeper(span(number, attributes=of_job(ROOM, JOB)))
    keeper.close(within_s=0.01)
    hangs.set()
