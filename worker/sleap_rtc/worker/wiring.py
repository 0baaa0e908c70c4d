"""Orchestration: picks the implementations that a worker runs on, and runs it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_reports import JobRules
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.service_http import ServiceHttp
from sleap_rtc.events.workers import WorkerView, worker_id
from sleap_rtc.storage.errors import NotFound, Refused
from sleap_rtc.worker.credentials import credentials_method, in_words
from sleap_rtc.worker.dataset_cache import dataset_cache
from sleap_rtc.worker.downloader import S3Downloader
from sleap_rtc.worker.job_runner import JobRunner
from sleap_rtc.worker.kind import worker_kind
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.presence import Presence
from sleap_rtc.worker.service_datasets import ServiceDatasets
from sleap_rtc.worker.shift_watch import ShiftWatch
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from sleap_rtc.settings import Settings
    from sleap_rtc.worker.dataset_source import DatasetSource
    from sleap_rtc.worker.shift import Shift
    from sleap_rtc.worker.trainer import TrainerName

log = logging.getLogger(__name__)


def dataset_source(settings: Settings, method: str | None) -> DatasetSource:
    """Return where datasets come from, and say so in the log.

    Args:
        settings: where everything is.
        method: how this machine comes by AWS credentials (`credentials_method`); without any, the service
            signs, and boto3 is not loaded.
    """
    if method is None:
        log.info("no AWS credentials; the service at %s signs for datasets", settings.backend_api_url)
        return ServiceDatasets(ServiceHttp(settings.backend_api_url, settings.token.get_secret_value()))
    from sleap_rtc.storage.s3_client import s3_client
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers
    from sleap_rtc.worker.s3_datasets import S3Datasets

    log.info("datasets are read with %s", in_words(method))
    s3 = s3_client(settings.s3_region, settings.s3_endpoint_url)
    bucket = settings.s3_upload_bucket
    return S3Datasets(S3ObjectStore(s3, bucket), S3Transfers(s3, bucket))


def job_runner(
    settings: Settings, room_id: str, trainer: TrainerName, datasets: DatasetSource
) -> tuple[JobRunner, Presence]:
    """Return what handles this worker's jobs, and what says that it is there.

    Args:
        settings: where everything is.
        room_id: whose jobs it takes.
        trainer: the engine for jobs that do not ask for one.
        datasets: where datasets come from.
    """
    import boto3

    from sleap_rtc.events.sns_topic import SnsTopic
    from sleap_rtc.storage.s3_client import s3_client
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers

    s3 = s3_client(settings.s3_region, settings.s3_endpoint_url)
    rooms = S3ObjectStore(s3, settings.s3_room_bucket)
    sns = boto3.client("sns", region_name=settings.s3_region, endpoint_url=settings.sqs_endpoint_url)
    topic_arn = sns.create_topic(Name=settings.room_events_topic)["TopicArn"]
    work_dir = settings.data_dir / "work"
    work_dir.mkdir(parents=True, exist_ok=True)
    rules = JobRules(settings.job_lease_s, settings.most_attempts)
    desk = StoreJobDesk(rooms, JobStore(rooms), RoomFeed(rooms, SnsTopic(sns, topic_arn)), rules)
    now = datetime.now(UTC)
    view = WorkerView(
        room_id=room_id,
        worker_id=worker_id(socket.gethostname(), secrets.token_hex(4)),
        kind=worker_kind(os.environ),
        trainer=trainer,
        started_at=now,
        until=now,
    )
    runner = JobRunner(
        worker_id=view.worker_id,
        room_id=room_id,
        desk=desk,
        downloader=S3Downloader(datasets, settings.max_concurrent_parts),
        cache=dataset_cache(settings),
        publisher=ModelPublisher(rooms, S3Transfers(s3, settings.s3_room_bucket)),
        trainer=lambda asked: SubprocessTrainer(asked or trainer),
        work_dir=Path(work_dir),
        lease_s=settings.job_lease_s,
    )
    return runner, Presence(desk, view, lambda: runner.job_id)


async def run_worker(settings: Settings, room_id: str, trainer: TrainerName, shift: Shift) -> None:
    """Take jobs of a room until SIGTERM or Ctrl-C, then give back what is under way.

    The end of the shift stops it, too, once the job at hand is settled.

    Raises:
        NotFound: the room has no job queue.
        Refused: there are no AWS credentials, which the job queue needs.
    """
    from sleap_rtc.events.sqs_queue import SqsQueue, sqs_client

    method = credentials_method()
    if method is None:
        raise Refused(
            where="This worker",
            why="no AWS credentials were found; give it a role, or AWS_ACCESS_KEY_ID and its secret",
        )
    runner, presence = job_runner(settings, room_id, trainer, dataset_source(settings, method))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(*_: object) -> None:
        runner.stop()
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    async with sqs_client(settings.s3_region, settings.sqs_endpoint_url) as client:
        try:
            queue = await SqsQueue.open(client, f"{settings.job_queue_prefix}-{room_id}")
        except NotFound:
            raise NotFound(what=f"room {room_id}") from None
        watch = ShiftWatch(shift, runner.handle, stop)
        consumer = Consumer(
            queue,
            watch.handle,
            visibility_s=settings.job_lease_s,
            wait_s=settings.poll_wait_s,
            dead_letters=await queue.dead_letters(),
        )
        log.info("waiting for jobs of room %s", room_id)
        await asyncio.gather(consumer.run(stop), presence.run(stop), watch.run())
    log.info("stopped")
