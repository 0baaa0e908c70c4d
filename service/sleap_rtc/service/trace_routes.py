"""Adapter: the routes of a job's trace: those in the room read it, clients and workers add to it."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from fastapi import APIRouter

from sleap_rtc.events.trace_store import JobTrace, KeepSpans, SpansKept
from sleap_rtc.service.callers import AtWork, C, P
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import JobId, RoomId
from sleap_rtc.service.problems import READS, WRITES, answers
from sleap_rtc.storage.errors import InputError

trace_api = APIRouter(prefix="/api/rooms/{room_id}/jobs/{job_id}/trace", dependencies=[COUNTED])


@trace_api.get("", responses=answers(*READS))
def job_trace(room_id: RoomId, job_id: JobId, parts: P, caller: C) -> JobTrace:
    """Return the spans of a job that are there."""
    parts.rooms.enter(room_id, caller)
    return JobTrace(spans=parts.traces.read(room_id, job_id))


@trace_api.post("", responses=answers(*WRITES, InputError))
def keep_spans(room_id: RoomId, job_id: JobId, body: KeepSpans, parts: P, caller: AtWork) -> SpansKept:
    """Keep spans of a job, which may be promised and not made yet."""
    del caller
    return SpansKept(kept=parts.traces.write_for(room_id, job_id, body.spans))
