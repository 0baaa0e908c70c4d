"""Orchestration: how a worker reaches its room.

A worker with AWS credentials talks to SQS, SNS and S3 itself. One without does all of it through the service,
and loads neither boto3 nor aiobotocore.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_reports import JobRules
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.events.trace_store import SentTraces, StoredTraces
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.credentials import credentials_method, way_of
from sleap_rtc.worker.guest_models import OwnGuestModels, ServiceGuestModels
from sleap_rtc.worker.service_checkpoints import ServiceCheckpoints
from sleap_rtc.worker.service_datasets import ServiceDatasets
from sleap_rtc.worker.service_desk import ServiceDesk
from sleap_rtc.worker.service_inference import ServiceResults, ServiceRoomModels
from sleap_rtc.worker.service_models import ServiceModels
from sleap_rtc.worker.service_queue import ServiceQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.queue import Queue
    from sleap_rtc.events.trace_store import TraceWriter
    from sleap_rtc.settings import Settings
    from sleap_rtc.worker.checkpoint_store import CheckpointStore
    from sleap_rtc.worker.dataset_source import DatasetSource
    from sleap_rtc.worker.inference_ports import ResultsStore, RoomModels
    from sleap_rtc.worker.legacy_shop import GuestModels
    from sleap_rtc.worker.model_store import ModelStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Connection:
    """What a worker reaches its room by.

    `lease_s` is for how long a claim holds without renewal, in seconds, and a message stays hidden.
    """

    queue: Queue
    dead_letters: Queue | None
    desk: JobDesk
    datasets: DatasetSource
    models: ModelStore
    checkpoints: CheckpointStore
    guests: GuestModels
    room_models: RoomModels
    results: ResultsStore
    traces: TraceWriter
    lease_s: int


@asynccontextmanager
async def connected(settings: Settings, room_id: str, traffic: Traffic = SILENT) -> AsyncIterator[Connection]:
    """Reach the room in the way that this machine's credentials allow, and say in the log which it is.

    Args:
        settings: where everything is.
        room_id: the room.
        traffic: is told of requests and bytes.

    Raises:
        NotFound: there is no such room.
        Refused: the credentials or the token are no good.
        Unreachable: nobody answers.
    """
    method = credentials_method()
    log.info("%s", way_of(method, settings.backend_api_url))
    if method is None:
        yield await asyncio.to_thread(_through_service, settings, room_id, traffic)
        return
    async with _with_credentials(settings, room_id, method, traffic) as connection:
        yield connection


def dataset_source(settings: Settings, method: str | None, traffic: Traffic = SILENT) -> DatasetSource:
    """Return where datasets come from.

    Args:
        settings: where everything is.
        method: how this machine comes by AWS credentials (`credentials_method`).
        traffic: is told of requests.
    """
    if method is None:
        return ServiceDatasets(ServiceHttp(settings.backend_api_url, settings.token.get_secret_value()))
    from sleap_rtc.storage.s3_client import s3_client
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers
    from sleap_rtc.worker.s3_datasets import S3Datasets

    s3 = s3_client(settings.s3_region, settings.s3_endpoint_url, traffic.hook)
    bucket = settings.s3_upload_bucket
    return S3Datasets(S3ObjectStore(s3, bucket), S3Transfers(s3, bucket))


def _through_service(settings: Settings, room_id: str, traffic: Traffic) -> Connection:
    service = ServiceHttp(settings.backend_api_url, settings.token.get_secret_value())
    desk = ServiceDesk(service)
    terms = desk.terms(room_id)
    queue = ServiceQueue(service, room_id)
    return Connection(
        queue=queue,
        dead_letters=queue.dead_letters(),
        desk=desk,
        datasets=dataset_source(settings, None),
        models=ServiceModels(service),
        checkpoints=ServiceCheckpoints(service),
        guests=ServiceGuestModels(service, traffic),
        room_models=ServiceRoomModels(service, traffic),
        results=ServiceResults(service),
        traces=SentTraces(service),
        lease_s=terms.lease_s,
    )


@asynccontextmanager
async def _with_credentials(
    settings: Settings, room_id: str, method: str, traffic: Traffic
) -> AsyncIterator[Connection]:
    import boto3

    from sleap_rtc.events.sns_topic import SnsTopic, room_spoken_of
    from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client
    from sleap_rtc.storage.call_events import tell_calls
    from sleap_rtc.storage.rooms_storage import RoomsStorage
    from sleap_rtc.storage.s3_client import s3_client
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers
    from sleap_rtc.worker.s3_checkpoints import S3Checkpoints
    from sleap_rtc.worker.s3_inference import S3Results, S3RoomModels
    from sleap_rtc.worker.s3_models import S3Models

    s3 = s3_client(settings.s3_region, settings.s3_endpoint_url, traffic.hook)
    rooms = S3ObjectStore(s3, settings.s3_room_bucket)
    transfers = S3Transfers(s3, settings.s3_room_bucket)
    sns = boto3.client("sns", region_name=settings.s3_region, endpoint_url=settings.sqs_endpoint_url)
    tell_calls(sns, "sns", traffic.hook, room_spoken_of)
    topic = SnsTopic(sns, sns.create_topic(Name=settings.room_events_topic)["TopicArn"])
    rules = JobRules(settings.job_lease_s, settings.most_attempts)
    place = (settings.s3_region, settings.sqs_endpoint_url)
    async with sqs_client(*place, on_traffic=traffic.hook) as client:
        try:
            queue = await SqsQueue.open(client, f"{settings.job_queue_prefix}-{room_id}")
        except NotFound:
            raise NotFound(what=f"room {room_id}") from None
        models = S3Models(rooms, transfers)
        yield Connection(
            queue=queue,
            dead_letters=await queue.dead_letters(),
            desk=StoreJobDesk(rooms, JobStore(rooms), RoomFeed(rooms, topic), rules),
            datasets=dataset_source(settings, method, traffic),
            models=models,
            checkpoints=S3Checkpoints(rooms, transfers),
            guests=OwnGuestModels(models, traffic),
            room_models=S3RoomModels(RoomsStorage(rooms, settings.s3_room_bucket), transfers, traffic),
            results=S3Results(rooms, transfers),
            traces=StoredTraces(rooms),
            lease_s=settings.job_lease_s,
        )
