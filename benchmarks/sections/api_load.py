"""Orchestration: requests a second and their 99th percentile, of signing a batch and of claiming a job.

Beside them stands an endpoint that does nothing, asked in the same rounds: what is left is what the work of a
request takes.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

from figures import Figure, Report, Table
from percentiles import percentile
from product import ROOMS_BUCKET
from quiet_service import quiet_service
from ulid import ULID

from sleap_rtc.events import job_steps
from sleap_rtc.events.api import RequestUpload
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import DatasetRef, Job, JobRequest
from sleap_rtc.storage.part_machine import LARGEST_BATCH
from sleap_rtc.storage.part_plan import PREFERRED_PART_BYTES
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore

if TYPE_CHECKING:
    from quiet_service import QuietService

_ASKER = Path(__file__).parents[1] / "programs" / "ask_service.py"
_CONNECTIONS = 8
_CRC = "AAAAAAAAAAA="
_PEER = "/healthz in the same rounds"


def load(folder: Path, requests: int, rounds: int) -> Report:
    """Ask for each so often in each round."""
    with quiet_service(folder) as service:
        kinds = {"nothing (/healthz)": [("GET", "/healthz", None)] * requests}
        kinds[f"sign {LARGEST_BATCH} parts"] = [_signing(service)] * requests
        measured: dict[str, list[tuple[float, list[float]]]] = {}
        for _ in range(rounds):
            for kind, asked in {**kinds, "claim": _claims(service, requests)}.items():
                measured.setdefault(kind, []).append(_asked(service, asked))
    rates = {kind: median(rate for rate, _ in found) for kind, found in measured.items()}
    tails = {
        kind: percentile([ms for _, times in found for ms in times], 99) for kind, found in measured.items()
    }
    middles = {
        kind: percentile([ms for _, times in found for ms in times], 50) for kind, found in measured.items()
    }
    idle, *working = measured
    figures = [
        figure
        for kind in working
        for figure in (
            Figure(
                f"{kind}: rate", rates[kind], "requests/s", _PEER, rates[kind] / rates[idle], None, holds=True
            ),
            Figure(f"{kind}: p99", tails[kind], "ms", _PEER, tails[kind] / tails[idle], None, holds=True),
        )
    ]
    rows = [(kind, rates[kind], middles[kind], tails[kind]) for kind in measured]
    title = f"One instance, {_CONNECTIONS} connections, {rounds} x {requests:,} requests each"
    return Report(figures, [Table(title, ("request", "requests/s", "p50 ms", "p99 ms"), rows)])


def _signing(service: QuietService) -> tuple[str, str, Any]:
    upload = service.client.request_upload(
        RequestUpload(
            room_id=service.room_id,
            file_name="d.zip",
            size_bytes=LARGEST_BATCH * PREFERRED_PART_BYTES,
            part_size_bytes=PREFERRED_PART_BYTES,
        )
    )
    parts = [
        {"number": number, "length": PREFERRED_PART_BYTES, "checksum": _CRC}
        for number in range(1, LARGEST_BATCH + 1)
    ]
    return "POST", f"/api/uploads/{upload.upload_id}/sign-parts", {"parts": parts}


def _claims(service: QuietService, many: int) -> list[tuple[str, str, Any]]:
    """Put jobs into the room that wait for a worker, and return a claim of each."""
    jobs = JobStore(S3ObjectStore(s3_client("us-east-1", service.s3_url), ROOMS_BUCKET))
    now = datetime.now(UTC)
    asked: list[tuple[str, str, Any]] = []
    for _ in range(many):
        job = Job(
            job_id=str(ULID()),
            room_id=service.room_id,
            request=JobRequest(),
            dataset=DatasetRef(path="s3://uploads/data", size_bytes=1, checksum=f"crc64nvme:{_CRC}"),
            created_by="bench",
            created_at=now,
            traceparent="",
        )
        jobs.create(job_steps.queued(job, now, "bench"))
        path = f"/api/rooms/{service.room_id}/jobs/{job.job_id}/claim"
        asked.append(("POST", path, {"worker_id": "gpu-1", "event": "bench"}))
    return asked


def _asked(service: QuietService, requests: list[tuple[str, str, Any]]) -> tuple[float, list[float]]:
    """Have them all asked, and return how many a second were answered and how long each took in ms."""
    order = {
        "url": service.url,
        "token": service.token,
        "connections": _CONNECTIONS,
        "requests": requests,
    }
    with Popen([sys.executable, str(_ASKER)], stdin=PIPE, stdout=PIPE, encoding="utf-8") as asker:
        said, _ = asker.communicate(json.dumps(order))
    told = json.loads(said)
    return len(requests) / told["took_s"], told["ms"]
