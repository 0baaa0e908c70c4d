"""Pure: the spans of a job as rows, each below what it is a part of, and what is missing of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobState
from sleap_rtc.events.span_table import DISPATCH, PROCESS_JOB, PROCESS_MODEL, PROCESS_UPLOAD
from sleap_rtc.events.trace import trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.spans import Span

_SHORT = 8


@dataclass(frozen=True)
class Row:
    """One span in its place.

    Attributes:
        span: which.
        depth: how many spans it lies within.
        waited_ns: from the end of what led to it to its beginning, if that is known and lay behind a queue.
        foreign: whether it belongs to another trace than the job.
    """

    span: Span
    depth: int
    waited_ns: int = 0
    foreign: bool = False

    @property
    def links(self) -> tuple[str, ...]:
        """What led to it, by the start of the ids."""
        return tuple(link.span_id[:_SHORT] for link in self.span.links)

    @property
    def short_id(self) -> str:
        """The start of its id, as links name it."""
        return self.span.span_id[:_SHORT]

    @property
    def title(self) -> str:
        """Its name, and what tells it from others of that name."""
        span = self.span
        if span.name == PROCESS_JOB.name:
            return f"{span.name}, attempt {span.text('sleap_rtc.attempt')}"
        told = span.text("sleap_rtc.model.type") or span.text("sleap_rtc.state")
        return f"{span.name} ({told})" if told else span.name


@dataclass(frozen=True)
class Waterfall:
    """What is there of a job's trace, and what is not."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]

    @property
    def start_ns(self) -> int:
        """When the first of them began."""
        return min((row.span.start_ns for row in self.rows), default=0)

    @property
    def end_ns(self) -> int:
        """When the last of them ended."""
        return max((row.span.end_ns for row in self.rows), default=0)


def waterfall(job: Job, spans: Sequence[Span]) -> Waterfall:
    """Put a job's spans in their places; parts of them may be missing."""
    by_id = {span.span_id: span for span in spans}
    below: dict[str, list[Span]] = {}
    for span in sorted(by_id.values(), key=lambda each: (each.start_ns, -each.end_ns)):
        above = span.parent_id if span.parent_id in by_id and span.parent_id != span.span_id else ""
        below.setdefault(above, []).append(span)
    ours = trace_id(job.traceparent)
    rows = tuple(
        Row(span, depth, _waited_ns(span, by_id), span.trace_id != ours)
        for span, depth in _walk(below, "", 0)
    )
    return Waterfall(rows, tuple(dict.fromkeys(_missing(job, by_id))))


def _walk(below: dict[str, list[Span]], above: str, depth: int) -> Iterator[tuple[Span, int]]:
    # What was taken is not walked again, whatever circles somebody's ids make.
    for span in below.pop(above, ()):
        yield span, depth
        yield from _walk(below, span.span_id, depth + 1)


def _waited_ns(span: Span, by_id: dict[str, Span]) -> int:
    ends = [by_id[link.span_id].end_ns for link in span.links if link.span_id in by_id]
    return 0 if not ends or span.parent_id else max(0, span.start_ns - max(ends))


def _missing(job: Job, by_id: dict[str, Span]) -> Iterator[str]:
    spans = by_id.values()
    wholes: dict[str, list[str]] = {}
    for span in spans:
        if span.parent_id and span.parent_id not in by_id:
            wholes.setdefault(span.parent_id, []).append(span.name)
        for link in span.links:
            if link.span_id not in by_id:
                yield f"{link.span_id[:_SHORT]}, which led to {span.name}"
    for above, parts in wholes.items():
        yield f"{above[:_SHORT]}, of which there is a part: {', '.join(dict.fromkeys(parts))}"
    names = {span.name for span in spans}
    if not names & {DISPATCH.name, PROCESS_UPLOAD.name}:
        yield "the dispatch of the job"
    told = {span.attributes.get("sleap_rtc.attempt") for span in spans if span.name == PROCESS_JOB.name}
    for edge in job.history:
        if edge.state is JobState.CLAIMED and edge.attempt not in told:
            under_way = edge.attempt == job.attempt and not job.ended
            why = "it is not over" if under_way else "its worker was lost before it could tell"
            yield f"attempt {edge.attempt} of worker {edge.by}: {why}"
    published = {span.text("sleap_rtc.model.id") for span in spans if span.name == PROCESS_MODEL.name}
    for model in job.made:
        if job.ended and model.model_id not in published:
            yield f"the publication of model {model.model_id}"
