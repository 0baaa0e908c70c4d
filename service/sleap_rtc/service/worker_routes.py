"""Adapter: the routes of workers without credentials, all of them for those who may write in the room."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from sleap_rtc.events.api import SignedParts
from sleap_rtc.events.job_reports import Hold
from sleap_rtc.events.jobs import Job, JobClaimed, JobEnded, JobNotReady, OutOfTurn
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.queue import HandleDead, MessageTooLarge
from sleap_rtc.events.worker_api import (
    AbortModelFile,
    Acknowledged,
    BuryWakeUp,
    CheckIn,
    ClaimJob,
    CompleteModelFile,
    DeleteWakeUp,
    ExtendWakeUp,
    OpenModelFile,
    PublishModel,
    ReceiveWakeUps,
    ReportJob,
    SendWakeUp,
    SignModelParts,
    WakeUp,
    WakeUps,
    WorkerId,
    WorkerTerms,
    WriteLog,
    WriteProgress,
    WriteSample,
)
from sleap_rtc.events.workers import BELIEVED_FOR, WorkerView
from sleap_rtc.service.callers import AtWork, P
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import JobId, RoomId
from sleap_rtc.service.problems import HOLDS, WRITES, answers
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.storage.errors import InputError, IntegrityError

worker_api = APIRouter(prefix="/api/rooms/{room_id}", dependencies=[COUNTED])
_JOB = "/jobs/{job_id}"
_DONE = Acknowledged()


@worker_api.get("/worker-terms", responses=answers(*WRITES))
def worker_terms(room_id: RoomId, parts: P, caller: AtWork) -> WorkerTerms:
    """Tell a worker that it may work here, and what to keep to."""
    del room_id, caller
    return WorkerTerms(lease_s=parts.job_lease_s)


@worker_api.post("/wakeups/receive", responses=answers(*WRITES))
async def receive(
    room_id: RoomId, body: ReceiveWakeUps, parts: P, caller: AtWork, request: Request
) -> WakeUps:
    """Wait for messages of the room's job queue."""
    del caller
    came = await parts.wakeups.receive(room_id, body, request.is_disconnected)
    return WakeUps(
        wakeups=[
            WakeUp(
                message_id=message.message_id,
                body=message.body,
                receipt_handle=message.receipt_handle,
                receive_count=message.receive_count,
                attributes=dict(message.attributes),
                sent_at=message.sent_at,
            )
            for message in came
        ]
    )


@worker_api.post("/wakeups/extend", responses=answers(*WRITES, HandleDead))
async def extend(room_id: RoomId, body: ExtendWakeUp, parts: P, caller: AtWork) -> Acknowledged:
    """Hide a message for longer, or give it back."""
    del caller
    await parts.wakeups.extend(room_id, body.receipt_handle, body.visibility_s)
    return _DONE


@worker_api.post("/wakeups/delete", responses=answers(*WRITES, HandleDead))
async def delete(room_id: RoomId, body: DeleteWakeUp, parts: P, caller: AtWork) -> Acknowledged:
    """Settle a message."""
    del caller
    await parts.wakeups.delete(room_id, body.receipt_handle)
    return _DONE


@worker_api.post("/wakeups/send", responses=answers(*WRITES, InputError, MessageTooLarge))
async def send(room_id: RoomId, body: SendWakeUp, parts: P, caller: AtWork) -> Acknowledged:
    """Put the wake-up of a job of this room on its queue."""
    del caller
    await parts.wakeups.send(room_id, body)
    return _DONE


@worker_api.post("/wakeups/bury", responses=answers(*WRITES, MessageTooLarge))
async def bury(room_id: RoomId, body: BuryWakeUp, parts: P, caller: AtWork) -> Acknowledged:
    """Put what no delivery can settle on the room's dead-letter queue."""
    del caller
    await parts.wakeups.bury(room_id, body)
    return _DONE


@worker_api.put("/workers/{worker_id}", responses=answers(*WRITES))
def check_in(room_id: RoomId, worker_id: WorkerId, body: CheckIn, parts: P, caller: AtWork) -> Acknowledged:
    """Note that a worker is there; it is believed for so long and no longer."""
    until = min(body.until, datetime.now(UTC) + BELIEVED_FOR)
    view = WorkerView(**{**dict(body), "until": until}, room_id=room_id, worker_id=worker_id)
    parts.job_desk(caller.subject).check_in(view)
    return _DONE


@worker_api.post(_JOB + "/claim", responses=answers(*WRITES, JobClaimed, JobEnded, JobNotReady))
def claim(room_id: RoomId, job_id: JobId, body: ClaimJob, parts: P, caller: AtWork) -> Job:
    """Give a job to a worker."""
    return parts.job_desk(caller.subject).claim(room_id, job_id, body.worker_id, body.event)


@worker_api.post(_JOB + "/report", responses=answers(*WRITES, *HOLDS, InputError, OutOfTurn))
def report(room_id: RoomId, job_id: JobId, body: ReportJob, parts: P, caller: AtWork) -> Job:
    """Change a job as its holder says."""
    return parts.job_desk(caller.subject).report(Hold(room_id, job_id, body.fencing), body.report)


@worker_api.get(_JOB + "/hold", responses=answers(*WRITES, *HOLDS))
def look(
    room_id: RoomId, job_id: JobId, fencing: Annotated[int, Query(ge=1, le=2**53)], parts: P, caller: AtWork
) -> Job:
    """Show the job to its holder, for as long as it is his."""
    return parts.job_desk(caller.subject).look(Hold(room_id, job_id, fencing))


@worker_api.post(_JOB + "/log", responses=answers(*WRITES, *HOLDS))
def write_log(room_id: RoomId, job_id: JobId, body: WriteLog, parts: P, caller: AtWork) -> Acknowledged:
    """Keep a piece of a job's log."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.job_desk(caller.subject).write_log(hold, body.segment, body.text)
    return _DONE


@worker_api.post(_JOB + "/live", responses=answers(*WRITES, *HOLDS, InputError))
def write_progress(
    room_id: RoomId, job_id: JobId, body: WriteProgress, parts: P, caller: AtWork
) -> Acknowledged:
    """Keep events of a job for those who watch it without a live path."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.job_desk(caller.subject).write_progress(hold, body.seq, body.text)
    return _DONE


@worker_api.post(_JOB + "/samples", responses=answers(*WRITES, *HOLDS, InputError))
def write_sample(room_id: RoomId, job_id: JobId, body: WriteSample, parts: P, caller: AtWork) -> Acknowledged:
    """Keep a picture that the trainer drew."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.job_desk(caller.subject).write_sample(hold, body.name, body.content)
    return _DONE


@worker_api.post(
    _JOB + "/model-files/open", status_code=201, responses=answers(*WRITES, *HOLDS, InputError, KeyReused)
)
def open_model_file(
    room_id: RoomId, job_id: JobId, body: OpenModelFile, parts: P, caller: AtWork, key: IdempotencyKey = ""
) -> ModelFileOpened:
    """Open a multipart upload of one file of the model of a held job."""

    def opened() -> ModelFileOpened:
        hold = Hold(room_id, job_id, body.fencing)
        return parts.held_models.open(parts.job_desk(caller.subject), hold, body)

    operation = f"{room_id}/{job_id}/model-files"
    return parts.receipts.once(caller, operation, key, body, ModelFileOpened, opened)


@worker_api.post(_JOB + "/model-files/sign-parts", responses=answers(*WRITES, *HOLDS, InputError))
def sign_model_parts(
    room_id: RoomId, job_id: JobId, body: SignModelParts, parts: P, caller: AtWork
) -> SignedParts:
    """Sign URLs for the next few parts, each for exactly these bytes."""
    hold = Hold(room_id, job_id, body.fencing)
    return SignedParts(urls=parts.held_models.sign(parts.job_desk(caller.subject), hold, body))


@worker_api.post(
    _JOB + "/model-files/complete", responses=answers(*WRITES, *HOLDS, InputError, IntegrityError)
)
def complete_model_file(
    room_id: RoomId, job_id: JobId, body: CompleteModelFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Make the object of its parts."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_models.complete(parts.job_desk(caller.subject), hold, body)
    return _DONE


@worker_api.post(_JOB + "/model-files/abort", responses=answers(*WRITES, *HOLDS, InputError))
def abort_model_file(
    room_id: RoomId, job_id: JobId, body: AbortModelFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Give an upload up and free what it holds."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_models.abort(parts.job_desk(caller.subject), hold, body)
    return _DONE


@worker_api.post(_JOB + "/model", responses=answers(*WRITES, *HOLDS, InputError))
def publish_model(
    room_id: RoomId, job_id: JobId, body: PublishModel, parts: P, caller: AtWork
) -> Acknowledged:
    """Write the model's record, which publishes it."""
    hold = Hold(room_id, job_id, body.fencing)
    parts.held_models.publish(parts.job_desk(caller.subject), hold, body.record)
    return _DONE
