"""Orchestration: what one instance of the service is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from sleap_rtc.events.job_desk import StoreJobDesk
    from sleap_rtc.events.sign_in_api import SignIn
    from sleap_rtc.events.spans import SpanHook
    from sleap_rtc.events.trace_store import StoredTraces
    from sleap_rtc.service.check_rooms import CheckRooms
    from sleap_rtc.service.costs import Costs
    from sleap_rtc.service.datasets import Datasets
    from sleap_rtc.service.drain import Drain
    from sleap_rtc.service.held_checkpoints import HeldCheckpoints
    from sleap_rtc.service.held_models import HeldModels
    from sleap_rtc.service.held_results import HeldResults
    from sleap_rtc.service.identity import Verifier
    from sleap_rtc.service.job_live import JobLive
    from sleap_rtc.service.job_requests import JobRequests
    from sleap_rtc.service.jobs import Jobs
    from sleap_rtc.service.members import Members
    from sleap_rtc.service.models import Models
    from sleap_rtc.service.pushed_models import PushedModels
    from sleap_rtc.service.rate_limits import RateLimits
    from sleap_rtc.service.receipts import Receipts
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.service.streams import Streams
    from sleap_rtc.service.trail import Trail
    from sleap_rtc.service.uploads import Uploads
    from sleap_rtc.service.wakeups import WakeUps
    from sleap_rtc.service.worker_tokens import WorkerTokens
    from sleap_rtc.storage.rooms_storage import RoomsStorage
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


@dataclass(frozen=True)
class Parts:
    """Made by `wiring`, used by the handlers.

    `job_desk` returns the desk of a subject: workers without credentials claim jobs and report on them there.
    """

    tokens: Verifier
    rate_limits: RateLimits
    receipts: Receipts
    rooms: Rooms
    members: Members
    check_rooms: CheckRooms
    worker_tokens: WorkerTokens
    sign_in: SignIn | None
    trail: Trail
    uploads: Uploads
    datasets: Datasets
    jobs: Jobs
    job_requests: JobRequests
    streams: Streams
    models: RoomsStorage
    registry: Models
    room_objects: S3ObjectStore
    room_transfers: S3Transfers
    metrics: CollectorRegistry
    wakeups: WakeUps
    job_desk: Callable[[str], StoreJobDesk]
    held_models: HeldModels
    held_checkpoints: HeldCheckpoints
    held_results: HeldResults
    pushed_models: PushedModels
    job_live: JobLive
    costs: Costs
    traces: StoredTraces
    on_span: SpanHook
    job_lease_s: int
    drain: Drain
