"""The waterfall of a job: every span in its place, and what is missing is said."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.jobs import NOON, accept, claim, queued_job
from support.trace_picture import SECOND, an_hours_training, span

from sleap_rtc.client.trace_display import print_trace, print_trace_json
from sleap_rtc.client.waterfall import waterfall
from sleap_rtc.events import job_steps
from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.spans import Link

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.spans import Span


def published() -> Job:
    job = claim(queued_job())
    job = job_steps.advanced(job, JobState.UPLOADING, job.fencing, NOON)
    return job_steps.published(accept(job), NOON, "notice")


def shown(job: Job, spans: list[Span], width: int = 140) -> str:
    screen = Console(file=io.StringIO(), width=width, highlight=False, soft_wrap=True)
    print_trace(job, waterfall(job, spans), screen)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_children_stand_below_what_they_are_a_part_of_and_nothing_is_missing() -> None:
    job, spans = an_hours_training()
    found = waterfall(job, list(reversed(spans)))
    titles = [("  " * row.depth + row.title) for row in found.rows]
    assert titles == [
        "client-train",
        "  upload dataset",
        "    POST /api/request-upload",
        "      POST /api/request-upload",
        "    POST /api/complete-upload",
        "      POST /api/complete-upload",
        "        dispatch",
        "          send jobs",
        "  process room-events (published)",
        "  pull model (centroid)",
        "process jobs, attempt 1",
        "  download dataset",
        "  train (centroid)",
        "  upload model (centroid)",
        "process model-events (centroid)",
        "  send room-events (published)",
    ]
    assert found.missing == ()


def test_a_queue_that_was_waited_for_is_a_gap_and_its_id_is_named() -> None:
    job, spans = an_hours_training()
    rows = {row.title: row for row in waterfall(job, spans).rows}
    attempt, send = rows["process jobs, attempt 1"], rows["send jobs"]
    assert attempt.waited_ns == attempt.span.start_ns - send.span.end_ns > 0
    assert attempt.links == (send.short_id,)
    line = next(line for line in shown(job, spans).splitlines() if "process jobs, attempt 1" in line)
    assert f"←{send.short_id}" in line
    assert "█" in line


def test_the_client_that_was_killed_is_missed() -> None:
    job, spans = an_hours_training()
    without = [each for each in spans if each.part != "client"]
    missing = waterfall(job, without).missing
    upload = next(each for each in spans if each.name == "upload dataset")
    assert f"{upload.span_id[:8]}, which led to dispatch" in missing
    assert any("of which there is a part: POST /api/complete-upload" in each for each in missing)


def test_an_attempt_whose_worker_was_killed_is_missed() -> None:
    first = claim(queued_job(), "w1")
    late = NOON + timedelta(hours=1)
    job = claim(first, "w2", late)
    spans = [span("process jobs", "worker", 10, 20, attempt=job.attempt)]
    missing = waterfall(job, spans).missing
    assert "attempt 1 of worker w1: its worker was lost before it could tell" in missing
    assert not any("attempt 2" in each for each in missing)


def test_an_attempt_that_goes_on_is_said_to() -> None:
    assert "attempt 1 of worker w1: it is not over" in waterfall(claim(queued_job()), []).missing


def test_a_publication_without_a_span_is_missed() -> None:
    assert "the publication of model 0123456789abcdef" in waterfall(published(), []).missing


def test_of_an_old_job_nothing_is_there_and_that_is_said() -> None:
    assert "Nothing of its trace is there" in shown(published(), [])


def test_a_span_of_another_trace_is_marked() -> None:
    job, spans = an_hours_training()
    other = span("upload dataset", "client", 1, 2).model_copy(update={"trace_id": "f" * 32})
    assert "other trace" in shown(job, [*spans, other])


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_it_fits_whatever_the_terminal_is(width: int) -> None:
    job, spans = an_hours_training()
    assert "client-train" in shown(job, spans, width) if width > 60 else shown(job, spans, width)


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 9)), max_size=12
    )
)
def test_whatever_ids_somebody_sends_each_span_stands_at_most_once(
    drawn: list[tuple[int, int, int, int]],
) -> None:
    spans = [
        span("train", "worker", at, at + 1).model_copy(
            update={
                "span_id": f"{own:016x}",
                "parent_id": f"{above:016x}" if above else "",
                "links": (Link(trace_id="1" * 32, span_id=f"{led:016x}"),) if led else (),
            }
        )
        for own, above, led, at in drawn
    ]
    rows = waterfall(queued_job(), spans).rows
    assert len(rows) == len({row.span.span_id for row in rows}) <= len({each.span_id for each in spans})


def test_as_json_it_has_the_order_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    job, spans = an_hours_training()
    print_trace_json(job, waterfall(job, [each for each in spans if each.name != "send jobs"]))
    told = json.loads(capsys.readouterr().out)
    assert told["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    attempt = next(each for each in told["spans"] if each["name"] == "process jobs")
    assert (attempt["depth"], attempt["waited_s"]) == (0, 0.0)
    assert told["missing"] != []
    assert attempt["end_ns"] - attempt["start_ns"] > 3000 * SECOND
