"""Orchestration: the spans of a job, kept beside it in a few small objects that nobody changes.

Losing one loses nothing else. Whoever has a role writes them himself; the others send them to the service.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field
from ulid import ULID

from sleap_rtc.events.span_table import ATTRIBUTES
from sleap_rtc.events.spans import MOST_SPANS, Span, may_be_kept
from sleap_rtc.storage.document import Document, Documents, DocumentUnreadable
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.trace_keys import trace_key, trace_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.storage.object_store import ObjectStore

MOST_PIECES = 100
"""Of one job; what comes after them is not kept, and not read."""
_MOST_JOBS = 1000

Spans = Annotated[tuple[Span, ...], Field(min_length=1, max_length=MOST_SPANS)]


class TracePiece(Document):
    """`{room_id}/jobs/{job_id}/trace/{ulid}.json`."""

    spans: tuple[Span, ...]


class KeepSpans(BaseModel):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/trace`: spans of a client, or of a worker without a role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spans: Spans


class SpansKept(BaseModel):
    """How many of the spans were kept."""

    model_config = ConfigDict(frozen=True)

    kept: int


class JobTrace(BaseModel):
    """`GET /api/rooms/{room_id}/jobs/{job_id}/trace`: the spans that are there, by when they began."""

    model_config = ConfigDict(frozen=True)

    spans: list[Span]


class TraceWriter(Protocol):
    """Keeps spans of jobs. May raise Unreachable, Refused, InputError, NotFound."""

    def write(self, room_id: str, job_id: str, spans: Sequence[Span]) -> None:
        """Keep a few spans of a job; what is more than `MOST_SPANS` is left out."""


class StoredTraces:
    """Keeps spans in the rooms bucket: one PUT for each piece."""

    def __init__(self, rooms: ObjectStore) -> None:
        self._rooms = rooms
        self._pieces = Documents(rooms, TracePiece)
        self._taken: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, room_id: str, job_id: str, spans: Sequence[Span]) -> None:
        """Keep a few spans of a job."""
        piece = TracePiece(spans=tuple(spans)[:MOST_SPANS])
        self._pieces.create(trace_key(room_id, job_id, str(ULID())), piece)

    def write_for(self, room_id: str, job_id: str, spans: Sequence[Span]) -> int:
        """Keep what somebody sent, as far as it may be kept; return how many spans that is.

        Raises:
            InputError: so many pieces of this job came here already.
        """
        if self._is_one_too_many(job_id):
            raise InputError(message=f"The trace of job {job_id} has {MOST_PIECES} pieces; it takes no more.")
        kept = [cleaned(span) for span in spans if span.part != "service"]
        if kept:
            self.write(room_id, job_id, kept)
        return len(kept)

    def _is_one_too_many(self, job_id: str) -> bool:
        # Counted here and not in the store, where each look would cost as much as a piece.
        with self._lock:
            self._taken[job_id] = self._taken.pop(job_id, 0) + 1
            if len(self._taken) > _MOST_JOBS:
                self._taken.popitem(last=False)
            return self._taken[job_id] > MOST_PIECES

    def read(self, room_id: str, job_id: str) -> list[Span]:
        """Return the job's spans, each once, by when they began; pieces that cannot be read are left out.

        Costs one LIST and a GET for each piece.
        """
        found: dict[str, Span] = {}
        infos = list(self._rooms.list(trace_prefix(room_id, job_id)))[:MOST_PIECES]
        for info in infos:
            try:
                piece = self._pieces.read(info.key).value
            except (NotFound, DocumentUnreadable):
                continue
            found |= {span.span_id: span for span in piece.spans}
        return sorted(found.values(), key=lambda span: (span.start_ns, span.end_ns))


class SentTraces:
    """Sends spans to the service, once: what does not get through is lost."""

    def __init__(self, service: ServiceHttp) -> None:
        self._service = service

    def write(self, room_id: str, job_id: str, spans: Sequence[Span]) -> None:
        """Send a few spans of a job."""
        body = KeepSpans(spans=tuple(spans)[:MOST_SPANS])
        self._service.ask("POST", f"/api/rooms/{room_id}/jobs/{job_id}/trace", SpansKept, body, tries=1)


def cleaned(span: Span) -> Span:
    """Return a span of somebody else with those attributes that may be kept."""
    kept = {
        name: value
        for name, value in span.attributes.items()
        if name in ATTRIBUTES and may_be_kept(name, value)
    }
    return span.model_copy(update={"attributes": kept})
