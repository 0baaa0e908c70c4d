"""Orchestration: picks the implementations that one instance of the service runs on."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.dispatch import Dispatch
from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_queues import SqsJobQueues
from sleap_rtc.events.job_reports import JobRules
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.publish import Publish
from sleap_rtc.events.reconcile import Reconcile
from sleap_rtc.events.sns_topic import SnsTopic
from sleap_rtc.events.span_keeper import SpanKeeper
from sleap_rtc.events.spans import unheard
from sleap_rtc.events.sqs_queue import SqsQueue
from sleap_rtc.events.sqs_queue import sqs_client as async_sqs_client
from sleap_rtc.events.trace_store import StoredTraces
from sleap_rtc.events.tracing import all_of
from sleap_rtc.observability.measuring import Measuring
from sleap_rtc.service.check_rooms import CheckRooms
from sleap_rtc.service.costs import Costs
from sleap_rtc.service.datasets import Datasets
from sleap_rtc.service.held_checkpoints import HeldCheckpoints
from sleap_rtc.service.held_files import HeldFiles
from sleap_rtc.service.held_models import HeldModels
from sleap_rtc.service.held_results import HeldResults
from sleap_rtc.service.identity import TokenVerifier
from sleap_rtc.service.job_live import JobLive
from sleap_rtc.service.job_requests import JobRequests
from sleap_rtc.service.jobs import Jobs
from sleap_rtc.service.members import Members
from sleap_rtc.service.model_files import ModelFiles
from sleap_rtc.service.models import Models
from sleap_rtc.service.parts import Parts
from sleap_rtc.service.provision import (
    Subscription,
    drop_job_queue,
    ensure_queue,
    ensure_topic,
    sns_client,
    sqs_client,
)
from sleap_rtc.service.pushed_models import PushedModels
from sleap_rtc.service.quotas import Quota
from sleap_rtc.service.rate_limits import RateLimits
from sleap_rtc.service.receipts import Receipts
from sleap_rtc.service.rooms import Rooms
from sleap_rtc.service.sign_in_routes import sign_in_of
from sleap_rtc.service.signaling.listeners import Ports, listening
from sleap_rtc.service.signaling.wiring import make_signaling
from sleap_rtc.service.storage_watch import StorageWatch
from sleap_rtc.service.streams import Streams
from sleap_rtc.service.survey_wiring import survey
from sleap_rtc.service.topology import job_queue
from sleap_rtc.service.trail import Trail
from sleap_rtc.service.uploads import Uploads
from sleap_rtc.service.usage_ledger import UsageLedger
from sleap_rtc.service.wakeups import WakeUps
from sleap_rtc.service.worker_tokens import AnyToken, WorkerTokens
from sleap_rtc.settings.prices import prices_of
from sleap_rtc.storage.conditional_writes import check_conditional_writes
from sleap_rtc.storage.rooms_storage import RoomsStorage
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import both

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fastapi import FastAPI
    from types_boto3_sqs import SQSClient

    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message
    from sleap_rtc.events.queue_events import QueueEvent
    from sleap_rtc.events.spans import SpanHook
    from sleap_rtc.observability.instrument import Meter
    from sleap_rtc.service.drain import Drain
    from sleap_rtc.service.rate_limits import Kind
    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.traffic import TrafficHook

log = logging.getLogger(__name__)

_REACTOR_SLOTS = 10
# A long poll holds a connection to SQS for as long as a worker waits; botocore's ten would be gone with ten
# workers, and with them what the reactors need.
_MOST_POLLS = 1000


def check_store(settings: Settings) -> None:
    """Look whether the rooms bucket is there and keeps to conditional writes, on which everything rests.

    Raises:
        ConditionsIgnored: it does not.
        NotFound: there is no such bucket.
        Refused: the service may not write to it.
        Unreachable: the store does not answer.
    """
    s3 = s3_client(settings.s3_region, settings.s3_endpoint_url)
    check_conditional_writes(S3ObjectStore(s3, settings.s3_room_bucket), settings.s3_room_bucket)


class Lifespan:
    """Starts the reactors with the app and drains them when it leaves; so it does with what else is open.

    Args:
        settings: what the instance runs on.
        ports: what is open besides the service's own port.
        drain: how far it is on its way out.
        on_traffic: told of every request to S3, SQS and SNS.
        on_span: hears of the steps of traces, besides the jobs that they are kept with.
        meters: take what is measured, besides Prometheus's.

    Raises:
        PriceTableWrong: the settings name a price table that is none.
    """

    def __init__(
        self,
        settings: Settings,
        ports: Ports,
        drain: Drain,
        on_traffic: TrafficHook = tell,
        on_span: SpanHook = unheard,
        meters: tuple[Meter, ...] = (),
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._drain = drain
        self._on_span = on_span
        self._meters = meters
        self._prices = prices_of(settings)
        self._ledger = UsageLedger(settings.job_queue_prefix, secrets.token_hex(4))
        self._on_traffic = both(self._ledger, on_traffic)

    @asynccontextmanager
    async def __call__(self, app: FastAPI) -> AsyncIterator[None]:
        """Run the app's parts for as long as the app runs."""
        settings, drain, on_traffic = self._settings, self._drain, self._on_traffic
        s3 = s3_client(settings.s3_region, settings.s3_endpoint_url, on_traffic)
        buckets = (settings.s3_upload_bucket, settings.s3_room_bucket)
        uploads, rooms = (S3ObjectStore(s3, bucket) for bucket in buckets)
        upload_transfers, room_transfers = (S3Transfers(s3, bucket) for bucket in buckets)
        jobs = JobStore(rooms)
        sns = sns_client(settings, on_traffic)
        topic_arn = await asyncio.to_thread(ensure_topic, sns, settings.room_events_topic)
        feed = RoomFeed(rooms, SnsTopic(sns, topic_arn))
        subscription = await asyncio.to_thread(
            Subscription, settings, topic_arn, secrets.token_hex(4), on_traffic
        )
        async with AsyncExitStack() as opened:
            place = (settings.s3_region, settings.sqs_endpoint_url)
            client, polls = [
                await opened.enter_async_context(made)
                for made in (
                    async_sqs_client(*place, on_traffic=on_traffic),
                    async_sqs_client(*place, _MOST_POLLS, on_traffic),
                )
            ]
            queues = SqsJobQueues(client, settings.job_queue_prefix)
            spans = all_of(traces := SpanKeeper(StoredTraces(rooms)), self._on_span)
            dispatch = Dispatch(uploads, settings.s3_upload_bucket, rooms, jobs, queues, feed, spans)

            models = RoomsStorage(rooms, settings.s3_room_bucket)
            publish = Publish(rooms, settings.s3_room_bucket, models, jobs, feed, spans)
            streams = Streams(feed)
            reconcile = Reconcile(
                rooms,
                models,
                jobs,
                dispatch,
                publish,
                queues,
                feed,
                patience=timedelta(seconds=min(60.0, settings.reconcile_interval_s)),
                most_attempts=settings.most_attempts,
            )
            measuring = opened.enter_context(Measuring("service", *self._meters, prices=self._prices))
            model_files, requests = ModelFiles(rooms, room_transfers), JobRequests(models)
            polled = SqsJobQueues(polls, settings.job_queue_prefix).queue
            wakeups = WakeUps(polled, settings.poll_wait_s, drain.closing.is_set)
            limits = make_rate_limits(settings)
            all_rooms = Rooms(rooms, partial(_make_queue, settings, sqs_client(settings, on_traffic)), limits)
            members = Members(rooms, all_rooms, feed)
            worker_tokens = WorkerTokens(rooms, all_rooms, members)
            app.state.parts = Parts(
                tokens=AnyToken(TokenVerifier(settings), worker_tokens),
                rate_limits=limits,
                receipts=Receipts(rooms, lambda: datetime.now(UTC)),
                rooms=all_rooms,
                members=members,
                check_rooms=CheckRooms(uploads, rooms, all_rooms, partial(drop_job_queue, settings)),
                worker_tokens=worker_tokens,
                sign_in=sign_in_of(settings),
                trail=Trail(rooms, models, jobs),
                uploads=Uploads(
                    upload_transfers,
                    uploads,
                    rooms,
                    Quota(settings.user_open_uploads, settings.user_open_bytes),
                    Quota(settings.room_open_uploads, settings.room_open_bytes),
                ),
                datasets=Datasets(DatasetIndex(uploads, rooms), upload_transfers),
                jobs=Jobs(rooms, jobs, DatasetIndex(uploads, rooms), dispatch, feed, requests),
                job_requests=requests,
                streams=streams,
                models=models,
                registry=Models(rooms, models, feed),
                room_objects=rooms,
                room_transfers=room_transfers,
                metrics=measuring.registry,
                wakeups=wakeups,
                job_desk=lambda subject: StoreJobDesk(
                    rooms, jobs, feed, JobRules(settings.job_lease_s, settings.most_attempts), subject
                ),
                held_models=HeldModels(rooms, model_files),
                held_checkpoints=HeldCheckpoints(rooms, room_transfers),
                held_results=HeldResults(HeldFiles(rooms, room_transfers)),
                pushed_models=PushedModels(rooms, model_files, models),
                job_live=JobLive(rooms, jobs),
                costs=Costs(rooms, jobs, models, self._ledger, self._prices),
                traces=StoredTraces(rooms),
                on_span=spans,
                job_lease_s=settings.job_lease_s,
                drain=drain,
            )
            consumers = [
                await _consumer(client, settings, name, role, handle, measuring.queue)
                for name, role, handle in (
                    (settings.upload_events_queue, "upload-events", dispatch.handle),
                    (settings.model_events_queue, "model-events", publish.handle),
                )
            ]
            # What others see to as well is left to them with the first word of leaving.
            tasks = [asyncio.create_task(consumer.run(drain.leaving)) for consumer in consumers]
            looking = await survey(client, settings, app.state.parts, upload_transfers, queues)
            sweeping = reconcile.run(drain.leaving, settings.reconcile_interval_s)
            tasks += [
                asyncio.create_task(work)
                for work in (
                    sweeping,
                    looking,
                    self._ledger.run(rooms, drain.closing),
                    StorageWatch({"uploads": uploads, "rooms": rooms}).run(drain.leaving),
                )
            ]
            ear = await _consumer(
                client, settings, subscription.queue_name, "room-events", streams.handle, measuring.queue
            )
            hearing = asyncio.create_task(ear.run(drain.closing))
            app.state.signaling = make_signaling(
                settings, rooms, app.state.parts.tokens, app.state.parts.rooms
            )
            try:
                async with listening(self._ports, app.state.signaling, closing=drain.closing):
                    yield
            finally:
                drain.leaving.set()
                drain.closing.set()
                hearing.cancel()  # nobody misses what its queue still brings, for it is deleted
                tasks.append(asyncio.create_task(wakeups.close()))
                await _ended(tasks, drain.reactors_s(time.monotonic()))
                await asyncio.to_thread(subscription.close)
                await asyncio.to_thread(traces.close)


async def _ended(tasks: list[asyncio.Task[None]], within_s: float) -> None:
    done, late = await asyncio.wait(tasks, timeout=within_s)
    for task in late:
        log.warning("a reactor is cut after drain_s; what it was at comes back at another instance")
        task.cancel()
    for task in done:
        task.result()


def make_rate_limits(settings: Settings) -> RateLimits:
    """Return the limits of this instance. Raises InputError where the store of the setting is none."""
    most: dict[Kind, int] = {
        "user": settings.user_requests_per_minute,
        "room": settings.room_requests_per_minute,
    }
    return RateLimits(settings.rate_limit_store.get_secret_value(), most)


async def _consumer(
    client: Any,
    settings: Settings,
    queue_name: str,
    role: str,
    handle: Callable[[Message], Awaitable[Outcome]],
    on_event: Callable[[QueueEvent], None],
) -> Consumer:
    queue = await SqsQueue.open(client, queue_name)
    return Consumer(
        queue,
        handle,
        role=role,
        on_event=on_event,
        slots=_REACTOR_SLOTS,
        visibility_s=settings.event_visibility_s,
        wait_s=settings.poll_wait_s,
        dead_letters=await queue.dead_letters(),
    )


def _make_queue(settings: Settings, sqs: SQSClient, room_id: str) -> None:
    ensure_queue(sqs, job_queue(settings, room_id))
