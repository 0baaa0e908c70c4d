"""Draws the picture of a job's trace for the documentation, from a training of an hour that nobody ran.

PYTHONPATH=tests .venv/bin/python -m support.trace_picture
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from sleap_rtc.client.trace_display import trace_view
from sleap_rtc.client.waterfall import waterfall
from sleap_rtc.events import job_steps
from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.span_table import SPANS
from sleap_rtc.events.spans import Span
from support.jobs import MODEL, NOON, accept, claim, queued_job
from support.live_picture import PICTURE as LIVE_PICTURE
from support.live_picture import as_svg

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.spans import Part, SpanKind, Value

PICTURE = LIVE_PICTURE.with_name("jobs-trace.svg")
SECOND = 1_000_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WIDTH = 136
_KINDS: dict[str, SpanKind] = {each.name: each.kind for each in SPANS}
_BEGUN_NS = round(NOON.timestamp()) * SECOND


def span(
    name: str,
    part: Part,
    start_s: float,
    end_s: float,
    above: Span | None = None,
    led: Span | None = None,
    **attributes: Value,
) -> Span:
    """Return a span of the example's trace, by seconds since noon; its id follows from what it is."""
    own = f"{part}{name}{start_s}".encode().hex()
    known = {f"sleap_rtc.{key.replace('_', '.')}": value for key, value in attributes.items()}
    return Span(
        trace_id=TRACE,
        span_id=f"{hash_of(own):016x}",
        parent_id=above.span_id if above else "",
        links=(led.link,) if led else (),
        name=name,
        kind=_KINDS.get(name, _KINDS["dispatch"]),
        part=part,
        start_ns=_BEGUN_NS + round(start_s * SECOND),
        end_ns=_BEGUN_NS + round(end_s * SECOND),
        attributes=known,
    )


def hash_of(text: str) -> int:
    """Return a number that is the same in every process, unlike Python's own."""
    number = 14_695_981_039_346_656_037
    for character in text:
        number = (number ^ ord(character)) * 1_099_511_628_211 % 2**64
    return number


def an_hours_training() -> tuple[Job, list[Span]]:
    """Return a job and the spans of its whole trace."""
    command = span("client-train", "client", 0, 3_700)
    upload = span("upload dataset", "client", 1, 240, command)
    asks = span("POST /api/request-upload", "client", 1, 1.2, upload)
    asked = span("POST /api/request-upload", "service", 1.1, 1.2, asks)
    completes = span("POST /api/complete-upload", "client", 238, 240, upload)
    completed = span("POST /api/complete-upload", "service", 238.1, 239.9, completes)
    dispatch = span("dispatch", "service", 239.9, 240.1, completed, upload)
    send = span("send jobs", "service", 240, 240.08, dispatch)
    attempt = span("process jobs", "worker", 252.08, 3_650, None, send, attempt=1)
    download = span("download dataset", "worker", 253, 400, attempt)
    train = span("train", "worker", 401, 3_600, attempt, model_type="centroid")
    sending = span("upload model", "worker", 3_601, 3_648, attempt, model_type="centroid")
    publish = span(
        "process model-events",
        "service",
        3_652,
        3_653,
        None,
        sending,
        model_id=MODEL.model_id,
        model_type="centroid",
    )
    tell = span("send room-events", "service", 3_652.9, 3_653, publish, state="published")
    heard = span("process room-events", "client", 3_653.5, 3_653.5, command, tell, state="published")
    pull = span("pull model", "client", 3_654, 3_699, command, model_type="centroid")
    job = claim(queued_job())
    job = job_steps.advanced(job, JobState.UPLOADING, job.fencing, NOON)
    spans = [command, upload, asks, asked, completes, completed, dispatch, send, attempt, download, train]
    return job_steps.published(accept(job), NOON, "notice"), [*spans, sending, publish, tell, heard, pull]


def picture() -> str:
    """Return the picture as SVG."""
    job, spans = an_hours_training()
    console = Console(file=io.StringIO(), width=WIDTH, force_terminal=True)
    lines = console.render_lines(trace_view(job, waterfall(job, spans), WIDTH), pad=False)
    return as_svg(lines, WIDTH, len(lines))


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
