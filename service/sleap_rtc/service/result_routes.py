"""Adapter: the routes of predictions: to a room from workers that hold the job, and to its members."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from fastapi import APIRouter

from sleap_rtc.events.api import JobResults, SignedParts
from sleap_rtc.events.job_reports import Hold
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.worker_api import (
    AbortModelFile,
    Acknowledged,
    CompleteModelFile,
    OpenModelFile,
    SignModelParts,
)
from sleap_rtc.service.callers import AtWork, C, P
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.held_results import NoResults
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import JobId, RoomId
from sleap_rtc.service.problems import HOLDS, READS, WRITES, answers
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.storage.errors import InputError, IntegrityError

result_api = APIRouter(prefix="/api/rooms/{room_id}/jobs/{job_id}/results", dependencies=[COUNTED])
_DONE = Acknowledged()


@result_api.get("", responses=answers(*READS, NoResults))
def job_results(room_id: RoomId, job_id: JobId, parts: P, caller: C) -> JobResults:
    """Sign URLs for the predictions of an inference that has ended."""
    parts.rooms.enter(room_id, caller)
    return JobResults(files=parts.held_results.offer(parts.jobs.get(room_id, job_id)))


@result_api.post("/open", status_code=201, responses=answers(*WRITES, *HOLDS, InputError, KeyReused))
def open_result(
    room_id: RoomId, job_id: JobId, body: OpenModelFile, parts: P, caller: AtWork, key: IdempotencyKey = ""
) -> ModelFileOpened:
    """Open a multipart upload of one file of predictions of a held job."""

    def opened() -> ModelFileOpened:
        hold = Hold(room_id, job_id, body.fencing)
        return parts.held_results.open(parts.job_desk(caller.subject), hold, body)

    operation = f"{room_id}/{job_id}/results"
    return parts.receipts.once(caller, operation, key, body, ModelFileOpened, opened)


@result_api.post("/sign-parts", responses=answers(*WRITES, *HOLDS, InputError))
def sign_result_parts(
    room_id: RoomId, job_id: JobId, body: SignModelParts, parts: P, caller: AtWork
) -> SignedParts:
    """Sign URLs for the next few parts, each for exactly these bytes."""
    hold = Hold(room_id, job_id, body.fencing)
    return SignedParts(urls=parts.held_results.sign(parts.job_desk(caller.subject), hold, body))


@result_api.post("/complete", responses=answers(*WRITES, *HOLDS, InputError, IntegrityError))
def complete_result(
    room_id: RoomId, job_id: JobId, body: CompleteModelFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Make the object of its parts."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_results.complete(parts.job_desk(caller.subject), hold, body)
    return _DONE


@result_api.post("/abort", responses=answers(*WRITES, *HOLDS, InputError))
def abort_result(
    room_id: RoomId, job_id: JobId, body: AbortModelFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Give an upload up and free what it holds."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_results.abort(parts.job_desk(caller.subject), hold, body)
    return _DONE
