"""Adapter: the routes of what rooms and jobs cost, and of what workers and clients tell of their use."""

# ruff: noqa: TC001, TC002 - FastAPI reads the annotations

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from sleap_rtc.events.cost_api import RoomCosts
from sleap_rtc.events.job_reports import Hold
from sleap_rtc.events.usage_reports import ReportUsage, ReportWorkerUsage, UsageImplausible
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.service.callers import AtWork, C, P
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import JobId, RoomId
from sleap_rtc.service.problems import HOLDS, READS, WRITES, answers
from sleap_rtc.storage.relay_alternative import ASSUMED_RELAY_SHARE, ASSUMED_RESENT, Assumptions

cost_api = APIRouter(prefix="/api/rooms/{room_id}", dependencies=[COUNTED])

Share = Annotated[float, Query(ge=0, le=1)]
Resent = Annotated[float, Query(ge=1, le=100)]
_MONTH = timedelta(days=30)


@cost_api.get("/costs", responses=answers(*READS))
def room_costs(
    room_id: RoomId,
    parts: P,
    caller: C,
    since: AwareDatetime | None = None,
    relay_share: Share = ASSUMED_RELAY_SHARE,
    resent: Resent = ASSUMED_RESENT,
) -> RoomCosts:
    """Say what the room and its jobs cost, since a month ago without `since`, and would have over TURN."""
    parts.rooms.enter(room_id, caller)
    return parts.costs.of(room_id, since or _a_month_ago(), Assumptions(relay_share, resent))


@cost_api.get("/jobs/{job_id}/costs", responses=answers(*READS))
def job_costs(
    room_id: RoomId,
    job_id: JobId,
    parts: P,
    caller: C,
    relay_share: Share = ASSUMED_RELAY_SHARE,
    resent: Resent = ASSUMED_RESENT,
) -> RoomCosts:
    """Say what a job cost, and would have cost over TURN; what belongs to no job is the room's since then."""
    parts.rooms.enter(room_id, caller)
    return parts.costs.of(room_id, datetime.now(UTC), Assumptions(relay_share, resent), job_id)


@cost_api.post("/jobs/{job_id}/usage", responses=answers(*WRITES, UsageImplausible))
def tell_usage(room_id: RoomId, job_id: JobId, body: ReportUsage, parts: P, caller: C) -> Acknowledged:
    """Keep what a client used for a job, which any member may tell of himself; twice is harmless."""
    parts.rooms.enter(room_id, caller)
    parts.costs.tell(room_id, job_id, body, caller)
    return Acknowledged()


@cost_api.post("/jobs/{job_id}/worker-usage", responses=answers(*WRITES, *HOLDS, UsageImplausible))
def tell_worker_usage(
    room_id: RoomId, job_id: JobId, body: ReportWorkerUsage, parts: P, caller: AtWork
) -> Acknowledged:
    """Keep what a worker used while it held a job; the first word of a hold counts."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.job_desk(caller.subject).write_usage(hold, body.began, body.usage, body.idle)
    return Acknowledged()


def _a_month_ago() -> datetime:
    return datetime.now(UTC) - _MONTH
