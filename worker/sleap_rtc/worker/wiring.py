"""Orchestration: picks the implementations that a worker runs on, and runs it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.consumer import Consumer
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import WORKER_READY
from sleap_rtc.events.span_keeper import SpanKeeper
from sleap_rtc.events.spans import unheard
from sleap_rtc.events.tracing import all_of
from sleap_rtc.events.workers import MOST_GPU_CHARACTERS, WorkerView, worker_id
from sleap_rtc.live.engine import engine_missing
from sleap_rtc.live.job_board import JobBoard
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.live.signaling_messages import own_peer_id
from sleap_rtc.live.token_subject import token_subject
from sleap_rtc.settings.environments import existing_tool
from sleap_rtc.settings.prices import prices_of
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import SILENT, Traffic, both
from sleap_rtc.worker.attempt_usage import AttemptUsage
from sleap_rtc.worker.dataset_cache import dataset_cache
from sleap_rtc.worker.direct_wiring import direct_jobs
from sleap_rtc.worker.downloader import S3Downloader
from sleap_rtc.worker.gpus import in_words
from sleap_rtc.worker.inference_ports import Inference
from sleap_rtc.worker.job_runner import JobRunner
from sleap_rtc.worker.kind import WorkerKind, worker_kind
from sleap_rtc.worker.legacy_card import legacy_card
from sleap_rtc.worker.legacy_shop import LegacyShop
from sleap_rtc.worker.legacy_wiring import Reception, member_token
from sleap_rtc.worker.live_server import LiveServer, metadata
from sleap_rtc.worker.machine import gpus_seen
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.presence import Presence
from sleap_rtc.worker.resumable_training import Checkpointing
from sleap_rtc.worker.room_connection import connected
from sleap_rtc.worker.s3_way import s3_way
from sleap_rtc.worker.served_models import ServedModels
from sleap_rtc.worker.shared_datasets import SharedDatasets
from sleap_rtc.worker.shift_watch import ShiftWatch
from sleap_rtc.worker.slot import Slot
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sleap_rtc.events.spans import SpanHook
    from sleap_rtc.observability.measuring import Measuring
    from sleap_rtc.observability.telemetry import Telemetry
    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.manifest import ModelRecord
    from sleap_rtc.worker.room_connection import Connection
    from sleap_rtc.worker.shift import Shift
    from sleap_rtc.worker.trainer import TrainerName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LivePart:
    """A worker's place among the room's live peers, and what they may read of it.

    `models` is None for a worker that is gone before anybody asks for its models.
    """

    signaling: SignalingClient
    models: ServedModels | None


def live_part(settings: Settings, room_id: str, kind: WorkerKind) -> LivePart | None:
    """Return what makes a worker a live peer; None for one that has no token.

    Only a desktop reads models out.

    Args:
        settings: where everything is.
        room_id: whose peer it is.
        kind: the kind of worker.

    Raises:
        InputError: the token does not say whose it is.
    """
    token = settings.token.get_secret_value()
    if not token:
        log.warning("nobody can watch this worker's jobs live: it has no token for the room's signaling")
        return None
    if missing := engine_missing():
        log.warning("peers do not find this worker: %s", missing)
        return None
    peer_id = own_peer_id(token_subject(token), f"worker-{secrets.token_hex(4)}")
    # To the existing tool's clients this means that it takes no jobs over WebRTC.
    told = metadata(socket.gethostname(), status="maintenance", reads_models=kind.advertises)
    if existing_tool(settings):
        told = told.updated(legacy_card())
    card = Card(room_id, peer_id, "worker", told)
    models = None
    if kind.advertises:
        models = ServedModels(settings.data_dir / "served-models", room_id, settings.served_models_bytes)
        models.prune()
    return LivePart(SignalingClient(settings.signaling_url, card, lambda: token), models)


def job_runner(
    settings: Settings,
    room_id: str,
    trainer: TrainerName,
    connection: Connection,
    board: JobBoard,
    work_dir: Path,
    live: LivePart | None = None,
    traffic: Traffic = SILENT,
    usage: AttemptUsage | None = None,
    on_span: SpanHook = unheard,
) -> tuple[JobRunner, Presence]:
    """Return what handles this worker's jobs, and what says that it is there.

    Args:
        settings: where everything is.
        room_id: whose jobs it takes.
        trainer: the engine for jobs that do not ask for one.
        connection: how it reaches the room.
        board: where its jobs can be watched.
        work_dir: where folders for jobs are made.
        live: what makes it a live peer.
        traffic: is told of requests and bytes.
        usage: counts them for the job at hand.
        on_span: hears of the stages of its jobs.
    """
    now, kind = datetime.now(UTC), worker_kind(os.environ, settings.worker_kind)
    view = WorkerView(
        room_id=room_id,
        worker_id=worker_id(socket.gethostname(), secrets.token_hex(4)),
        kind=kind,
        trainer=trainer,
        started_at=now,
        until=now,
        peer_id=live.signaling.peer_id if live else "",
        gpu=in_words(gpus_seen())[:MOST_GPU_CHARACTERS],
    )
    served = live.models if live is not None else None
    presence = Presence(connection.desk, view, lambda: runner.job_id, served.ids if served else tuple)

    def published(folder: Path, record: ModelRecord) -> None:
        if served is not None:
            served.keep(folder, record)
            presence.check_in_now()

    runner = JobRunner(
        worker_id=view.worker_id,
        room_id=room_id,
        desk=connection.desk,
        downloader=SharedDatasets(
            settings.shared_dir,
            S3Downloader(
                connection.datasets, settings.max_concurrent_parts, settings.bandwidth_limit, traffic
            ),
            traffic,
        ),
        cache=dataset_cache(settings),
        publisher=ModelPublisher(connection.models, published, traffic),
        checkpointing=Checkpointing(connection.checkpoints, settings.checkpoint_every_s, traffic),
        trainer=lambda asked: SubprocessTrainer(asked or trainer),
        work_dir=work_dir,
        lease_s=connection.lease_s,
        board=board,
        leaves_models=kind.is_pod,
        inference=Inference(connection.room_models, connection.results, Tracker, traffic),
        usage=usage,
        on_span=on_span,
    )
    return runner, presence


@contextmanager
def measured(settings: Settings, telemetry: Telemetry) -> Iterator[Measuring]:
    """Measure while the block runs: for Prometheus to fetch on loopback where a port is set, pushed to where
    an address is, and for a collector."""
    from prometheus_client import start_http_server

    from sleap_rtc.observability.measuring import Measuring
    from sleap_rtc.observability.push import Push

    with ExitStack() as opened:
        measuring = opened.enter_context(Measuring("worker", *telemetry.meters, prices=prices_of(settings)))
        if settings.metrics_push_url:
            opened.enter_context(Push(settings.metrics_push_url, "worker", measuring, log.warning))
        if settings.metrics_port:
            server, _ = start_http_server(settings.metrics_port, "127.0.0.1", measuring.registry)
            opened.callback(server.server_close)
            opened.callback(server.shutdown)
        yield measuring


async def run_worker(
    settings: Settings,
    room_id: str,
    trainer: TrainerName,
    shift: Shift,
    work_dir: Path,
    telemetry: Telemetry,
) -> None:
    """Take jobs of a room until SIGTERM or Ctrl-C, then give back what is under way.

    The end of the shift stops it, too, once the job at hand is settled.

    Raises:
        NotFound: there is no such room, or the token has no part in it.
        Refused: the credentials or the token are no good.
        Unreachable: nobody answers.
    """
    with measured(settings, telemetry) as measuring:
        await _run(settings, room_id, trainer, shift, work_dir, measuring, telemetry.on_span)


async def _run(
    settings: Settings,
    room_id: str,
    trainer: TrainerName,
    shift: Shift,
    work_dir: Path,
    measuring: Measuring,
    on_span: SpanHook,
) -> None:
    usage = AttemptUsage(room_id)
    traffic = Traffic(both(usage, tell), s3_way(settings, os.environ))
    async with connected(settings, room_id, traffic) as connection:
        live = live_part(settings, room_id, worker_kind(os.environ, settings.worker_kind))
        board = JobBoard()
        traces = SpanKeeper(connection.traces)
        spans = all_of(traces, on_span)
        runner, presence = job_runner(
            settings, room_id, trainer, connection, board, work_dir, live, traffic, usage, spans
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_signal(*_: object) -> None:
            runner.stop()
            loop.call_soon_threadsafe(stop.set)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        watch = ShiftWatch(shift, runner.handle, stop)
        slot = Slot()
        consumer = Consumer(
            connection.queue,
            watch.handle,
            role="jobs",
            instance=presence.worker_id,
            gate=slot,
            on_event=measuring.queue,
            visibility_s=connection.lease_s,
            wait_s=settings.poll_wait_s,
            dead_letters=connection.dead_letters,
        )
        log_event(log, WORKER_READY, room_id=room_id, worker_id=presence.worker_id)
        work = [consumer.run(stop), presence.run(stop), watch.run()]
        if live is not None:
            direct = None
            if live.models is not None:
                direct = direct_jobs(
                    settings,
                    room_id,
                    presence.worker_id,
                    trainer,
                    slot,
                    watch,
                    board,
                    live.models,
                    connection.guests,
                    presence.check_in_now,
                    work_dir,
                    traffic,
                )
                work.append(direct.run(stop))
            work.append(LiveServer(live.signaling, board, live.models, measuring.peers, direct).run(stop))
            if existing_tool(settings):
                shop = LegacyShop(room_id, presence.worker_id, SubprocessTrainer(trainer), connection.guests)
                token = member_token(settings, room_id)
                work += Reception(live.signaling, room_id, slot, watch, shop, work_dir, token).work(stop)
        await asyncio.gather(*work)
        await asyncio.to_thread(traces.close)
    log.info("stopped")
