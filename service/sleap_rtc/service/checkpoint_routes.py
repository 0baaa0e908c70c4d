"""Adapter: the routes of checkpoints, for workers without credentials that hold the job."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from sleap_rtc.events.api import SignedParts
from sleap_rtc.events.checkpoint_api import (
    AbortCheckpointFile,
    CompleteCheckpointFile,
    FoundCheckpoint,
    KeepCheckpoint,
    OpenCheckpointFile,
    SignCheckpointParts,
)
from sleap_rtc.events.job_reports import Hold
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.service.callers import AtWork, P
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import JobId, RoomId
from sleap_rtc.service.problems import HOLDS, WRITES, answers
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.storage.errors import InputError, IntegrityError

checkpoint_api = APIRouter(
    prefix="/api/rooms/{room_id}/jobs/{job_id}/checkpoint",
    dependencies=[COUNTED],
)
_DONE = Acknowledged()


@checkpoint_api.get("", responses=answers(*WRITES, *HOLDS))
def find_checkpoint(
    room_id: RoomId, job_id: JobId, fencing: Annotated[int, Query(ge=1, le=2**53)], parts: P, caller: AtWork
) -> FoundCheckpoint:
    """Show the holder of a job what it can go on from."""
    return parts.held_checkpoints.find(parts.job_desk(caller.subject), Hold(room_id, job_id, fencing))


@checkpoint_api.post("/open", status_code=201, responses=answers(*WRITES, *HOLDS, InputError, KeyReused))
def open_checkpoint_file(
    room_id: RoomId,
    job_id: JobId,
    body: OpenCheckpointFile,
    parts: P,
    caller: AtWork,
    key: IdempotencyKey = "",
) -> ModelFileOpened:
    """Open a multipart upload of one file of a checkpoint."""

    def opened() -> ModelFileOpened:
        hold = Hold(room_id, job_id, body.fencing)
        return parts.held_checkpoints.open(parts.job_desk(caller.subject), hold, body)

    operation = f"{room_id}/{job_id}/checkpoint"
    return parts.receipts.once(caller, operation, key, body, ModelFileOpened, opened)


@checkpoint_api.post("/sign-parts", responses=answers(*WRITES, *HOLDS, InputError))
def sign_checkpoint_parts(
    room_id: RoomId, job_id: JobId, body: SignCheckpointParts, parts: P, caller: AtWork
) -> SignedParts:
    """Sign URLs for the next few parts, each for exactly these bytes."""
    hold = Hold(room_id, job_id, body.fencing)
    return SignedParts(urls=parts.held_checkpoints.sign(parts.job_desk(caller.subject), hold, body))


@checkpoint_api.post("/complete", responses=answers(*WRITES, *HOLDS, InputError, IntegrityError))
def complete_checkpoint_file(
    room_id: RoomId, job_id: JobId, body: CompleteCheckpointFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Make the object of its parts."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_checkpoints.complete(parts.job_desk(caller.subject), hold, body)
    return _DONE


@checkpoint_api.post("/abort", responses=answers(*WRITES, *HOLDS, InputError))
def abort_checkpoint_file(
    room_id: RoomId, job_id: JobId, body: AbortCheckpointFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Give an upload up and free what it holds."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_checkpoints.abort(parts.job_desk(caller.subject), hold, body)
    return _DONE


@checkpoint_api.put("", responses=answers(*WRITES, *HOLDS, InputError))
def keep_checkpoint(
    room_id: RoomId, job_id: JobId, body: KeepCheckpoint, parts: P, caller: AtWork
) -> Acknowledged:
    """Let a checkpoint count from which the job goes on if its worker is lost."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_checkpoints.keep(parts.job_desk(caller.subject), hold, body.checkpoint)
    return _DONE
