"""Adapter: the HTTP API. A handler checks who is calling and whether he may, then asks the part that knows.

Handlers are plain functions where they wait for S3, so that they run in threads.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Query, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sleap_rtc.events.api import (
    CompleteUpload,
    DatasetView,
    FileDownload,
    JobLog,
    JobView,
    LogSegment,
    ModelDownload,
    RequestDownload,
    RequestUpload,
    RetryJob,
    SignedParts,
    SignParts,
    SubmitJob,
    UploadOpened,
    UploadStatus,
)
from sleap_rtc.events.jobs import CancelRefused, Job, RetryRefused
from sleap_rtc.events.shared_dataset import SubmitSharedJob
from sleap_rtc.events.span_table import of_job
from sleap_rtc.events.tracing import note
from sleap_rtc.service import openapi, problems
from sleap_rtc.service.body_limit import BodyLimit
from sleap_rtc.service.callers import Anyone, C, P
from sleap_rtc.service.checkpoint_routes import checkpoint_api
from sleap_rtc.service.cost_routes import cost_api
from sleap_rtc.service.errors import KeyReused, QuotaExceeded
from sleap_rtc.service.identity import Caller
from sleap_rtc.service.job_live_routes import job_live_api
from sleap_rtc.service.limit_headers import COUNTED, LimitHeaders
from sleap_rtc.service.model_offers import offer_model
from sleap_rtc.service.model_routes import model_api
from sleap_rtc.service.parts import Parts
from sleap_rtc.service.path_ids import JobId, RoomId, UploadId
from sleap_rtc.service.problems import READS, WRITES, answers
from sleap_rtc.service.push_routes import push_api
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.service.request_times import RequestTimes
from sleap_rtc.service.result_routes import result_api
from sleap_rtc.service.room_routes import room_api
from sleap_rtc.service.sign_in_routes import sign_in_api
from sleap_rtc.service.signaling import routes as signaling
from sleap_rtc.service.trace_routes import trace_api
from sleap_rtc.service.tracing import Tracing
from sleap_rtc.service.worker_routes import worker_api
from sleap_rtc.service.worker_token_routes import worker_token_api
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound, ObjectChanged, Unreachable
from sleap_rtc.storage.manifest_changes import LegacyIdAmbiguous, ModelRemoved
from sleap_rtc.storage.model_download import ModelFileGone
from sleap_rtc.storage.part_plan import LARGEST_OBJECT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

_MOST_SEGMENTS = 200

MostJobs = Annotated[int, Query(ge=1, le=1000)]
SizeFilter = Annotated[int | None, Query(ge=0, le=LARGEST_OBJECT_BYTES)]

api = APIRouter(prefix="/api", dependencies=[COUNTED])


@api.post(
    "/request-upload",
    status_code=201,
    responses=answers(*WRITES, InputError, ModelRemoved, QuotaExceeded, KeyReused),
)
def request_upload(body: RequestUpload, parts: P, caller: C, key: IdempotencyKey = "") -> UploadOpened:
    """Open a multipart upload, with the job that is to follow it if there is one."""
    parts.rooms.enter(body.room_id, caller, to_write=True)
    job = parts.job_requests.fixed(body.room_id, body.job, body.file_name) if body.job else None

    def opened() -> UploadOpened:
        record = parts.uploads.open(body, job, caller)
        note(of_job(record.room_id, record.job_id or ""))
        return UploadOpened(upload_id=record.upload_id, job_id=record.job_id)

    return parts.receipts.once(caller, "request-upload", key, body, UploadOpened, opened)


@api.post("/uploads/{upload_id}/sign-parts", responses=answers(*WRITES, InputError))
def sign_parts(upload_id: UploadId, body: SignParts, parts: P, caller: C) -> SignedParts:
    """Sign URLs for the next few parts, each for exactly these bytes."""
    record = parts.uploads.record(upload_id)
    _enter_of_upload(parts, record.room_id, caller, upload_id)
    return SignedParts(urls=parts.uploads.sign(record, body.parts))


@api.post("/complete-upload", responses=answers(*WRITES, InputError, IntegrityError))
def complete_upload(body: CompleteUpload, parts: P, caller: C, afterwards: BackgroundTasks) -> UploadStatus:
    """Make the object of its parts."""
    record = parts.uploads.record(body.upload_id)
    _enter_of_upload(parts, record.room_id, caller, body.upload_id)
    status = parts.uploads.complete(record, body)
    afterwards.add_task(parts.jobs.dispatch, keys.UploadKey(record.room_id, record.upload_id))
    return status


@api.get("/upload-status/{upload_id}", responses=answers(*READS))
def upload_status(upload_id: UploadId, parts: P, caller: C) -> UploadStatus:
    """Say which parts S3 holds."""
    record = parts.uploads.record(upload_id)
    _enter_of_upload(parts, record.room_id, caller, upload_id, to_write=False)
    return parts.uploads.status(record)


@api.delete("/uploads/{upload_id}", responses=answers(*WRITES, InputError))
def abort_upload(upload_id: UploadId, parts: P, caller: C) -> UploadStatus:
    """Give an upload up and free what it holds."""
    record = parts.uploads.record(upload_id)
    _enter_of_upload(parts, record.room_id, caller, upload_id)
    return parts.uploads.abort(record)


def _enter_of_upload(
    parts: Parts, room_id: str, caller: Caller, upload_id: str, *, to_write: bool = True
) -> None:
    try:
        parts.rooms.enter(room_id, caller, to_write=to_write)
    except NotFound:
        raise NotFound(what=f"upload {upload_id}") from None


@api.get("/rooms/{room_id}/uploads", responses=answers(*READS))
def list_uploads(room_id: RoomId, parts: P, caller: C) -> list[UploadStatus]:
    """List the room's uploads."""
    parts.rooms.enter(room_id, caller)
    return [parts.uploads.status(record) for record in parts.uploads.list(room_id)]


@api.get("/rooms/{room_id}/datasets", responses=answers(*READS))
def list_datasets(room_id: RoomId, parts: P, caller: C, size_bytes: SizeFilter = None) -> list[DatasetView]:
    """List the room's datasets that are still in the store, each content once."""
    parts.rooms.enter(room_id, caller)
    return parts.datasets.list(room_id, size_bytes)


@api.post(
    "/rooms/{room_id}/jobs",
    status_code=201,
    responses=answers(*WRITES, InputError, ModelRemoved, ObjectChanged, KeyReused),
)
async def submit_job(room_id: RoomId, body: SubmitJob, parts: P, caller: C, key: IdempotencyKey = "") -> Job:
    """Submit a job for a dataset that is in the room."""
    await asyncio.to_thread(parts.rooms.enter, room_id, caller, to_write=True)
    asked = body.model_copy(update={"submission_id": body.submission_id or key[:64]})
    operation = f"{room_id}/{body.upload_id}/jobs"
    await asyncio.to_thread(parts.receipts.claim, caller, operation, asked.submission_id, asked)
    return await parts.jobs.submit(room_id, asked, caller)


@api.post(
    "/rooms/{room_id}/shared-jobs",
    status_code=201,
    responses=answers(*WRITES, InputError, ModelRemoved, KeyReused),
)
async def submit_shared_job(room_id: RoomId, body: SubmitSharedJob, parts: P, caller: C) -> Job:
    """Submit a job for a dataset in a folder that the workers of the room see; nothing of it travels."""
    await asyncio.to_thread(parts.rooms.enter, room_id, caller, to_write=True)
    return await parts.jobs.submit_shared(room_id, body, caller)


@api.get("/rooms/{room_id}/jobs", responses=answers(*READS))
def list_jobs(
    room_id: RoomId, parts: P, caller: C, most: MostJobs = 50, only_open: bool = False
) -> list[JobView]:
    """List the room's newest jobs, oldest first; or those that have not ended."""
    parts.rooms.enter(room_id, caller)
    return parts.jobs.view_all(room_id, most, only_open=only_open)


@api.get("/rooms/{room_id}/jobs/{job_id}", responses=answers(*READS))
def show_job(room_id: RoomId, job_id: JobId, parts: P, caller: C) -> JobView:
    """Show a job with its history, and what it waits for."""
    parts.rooms.enter(room_id, caller)
    return parts.jobs.view(room_id, job_id)


@api.post("/rooms/{room_id}/jobs/{job_id}/cancel", responses=answers(*WRITES, CancelRefused))
def cancel_job(room_id: RoomId, job_id: JobId, parts: P, caller: C) -> Job:
    """Cancel a job; doing it twice is harmless."""
    parts.rooms.enter(room_id, caller, to_write=True)
    return parts.jobs.cancel(room_id, job_id, caller)


@api.post(
    "/rooms/{room_id}/jobs/{job_id}/retry",
    status_code=201,
    responses=answers(*WRITES, RetryRefused, InputError, ObjectChanged),
)
async def retry_job(room_id: RoomId, job_id: JobId, body: RetryJob, parts: P, caller: C) -> Job:
    """Make a new job that does once more what one that failed or was cancelled was to do."""
    await asyncio.to_thread(parts.rooms.enter, room_id, caller, to_write=True)
    return await parts.jobs.retry(room_id, job_id, body.submission_id, caller)


@api.get("/rooms/{room_id}/jobs/{job_id}/log", responses=answers(*READS))
def job_log(
    room_id: RoomId, job_id: JobId, parts: P, caller: C, after: Annotated[int, Query(ge=0)] = 0
) -> JobLog:
    """Return the log after a segment; works during the job, after its end and after cancel."""
    parts.rooms.enter(room_id, caller)
    job = parts.jobs.get(room_id, job_id)
    prefix = keys.log_prefix(room_id, job_id)
    segments = []
    for found in parts.room_objects.list(prefix, keys.log_key(room_id, job_id, after)):
        number = int(found.key.removeprefix(prefix).removesuffix(".txt"))
        text = parts.room_objects.get(found.key).body.decode("utf-8", "replace")
        segments.append(LogSegment(number=number, text=text))
        if len(segments) == _MOST_SEGMENTS:
            return JobLog(segments=segments, ended=False)
    return JobLog(segments=segments, ended=job.ended)


@api.post(
    "/request-download",
    responses=answers(*READS, ObjectChanged, ModelRemoved, ModelFileGone, LegacyIdAmbiguous),
)
def request_download(body: RequestDownload, parts: P, caller: Anyone) -> ModelDownload | FileDownload:
    """Sign URLs for the files of a model, or the URL of a dataset."""
    room = parts.rooms.enter(body.room_id, caller)
    if body.upload_id is not None:
        return parts.datasets.offer(body.room_id, body.upload_id)
    return offer_model(parts, room, body.model or "", caller)


health = APIRouter()


@health.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "healthy"}


@health.get("/readyz", responses=answers(Unreachable))
def readyz(parts: P) -> dict[str, str]:
    """Say that the store answers, and that this instance stays."""
    if parts.drain.leaving.is_set():
        raise HTTPException(503, "This instance is leaving; the others go on with its work.")
    next(iter(parts.room_objects.folders()), None)
    return {"status": "ready"}


@health.get("/metrics", response_class=PlainTextResponse)
def metrics(parts: P) -> Response:
    """Return this instance's metrics in Prometheus's text format."""
    return Response(generate_latest(parts.metrics), media_type=CONTENT_TYPE_LATEST)


def create_app(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """Return the application; `lifespan` puts its parts into `app.state.parts` and `app.state.signaling`."""
    # A redirect would be one more answer, and one that leads somewhere else than was asked for.
    app = FastAPI(title="sleap-rtc", version="1", lifespan=lifespan, redirect_slashes=False)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(LimitHeaders)
    app.add_middleware(RequestTimes)
    app.add_middleware(Tracing)
    app.include_router(api)
    app.include_router(model_api)
    app.include_router(room_api)
    app.include_router(worker_api)
    app.include_router(worker_token_api)
    app.include_router(sign_in_api)
    app.include_router(job_live_api)
    app.include_router(checkpoint_api)
    app.include_router(result_api)
    app.include_router(push_api)
    app.include_router(cost_api)
    app.include_router(trace_api)
    app.include_router(health)
    for router in (signaling.legacy, signaling.room_api, signaling.socket):
        app.include_router(router)
    return app
