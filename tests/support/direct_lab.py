"""A worker that takes jobs directly, as a live peer of a room, with an engine that learns nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sleap_rtc.live.job_board import JobBoard
from sleap_rtc.live.signaling_client import Card, SignalingClient
from sleap_rtc.settings import Settings
from sleap_rtc.worker.dataset_cache import dataset_cache
from sleap_rtc.worker.direct_jobs import DirectJobs
from sleap_rtc.worker.direct_models import DirectModels
from sleap_rtc.worker.job_runner import JobRunner
from sleap_rtc.worker.live_server import LiveServer, metadata
from sleap_rtc.worker.served_models import ServedModels
from sleap_rtc.worker.shift import Shift
from sleap_rtc.worker.shift_watch import ShiftWatch
from sleap_rtc.worker.slot import Slot
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message
    from sleap_rtc.storage.manifest import ModelRecord
    from sleap_rtc.worker.attempt_ports import DatasetBringer, ModelTaker
    from support.signaling import Hall


@dataclass
class RoomModels:
    """Takes models of the room that no job of it made, and remembers them."""

    taken: list[ModelRecord] = field(default_factory=list)

    def send(self, folder: Path, record: ModelRecord) -> None:
        """Take a model."""
        assert {file.name for file in record.files} <= {path.name for path in folder.iterdir()}
        self.taken.append(record)


@dataclass
class DirectWorker:
    """The worker, to be looked at."""

    peer_id: str
    slot: Slot
    models: ServedModels
    room: RoomModels
    work_dir: Path


@asynccontextmanager
async def direct_worker(
    hall: Hall, folder: Path, room: dict[str, str], served_bytes: int = 10**9
) -> AsyncIterator[DirectWorker]:
    """Have one in a room while the block runs."""
    who = (await hall.http("POST", "/anonymous-signin")).body
    work_dir = folder / "work"
    work_dir.mkdir(parents=True)
    settings = Settings(data_dir=folder, token=SecretStr(""))
    cache, board, slot, stop = dataset_cache(settings), JobBoard(), Slot(), asyncio.Event()
    models = ServedModels(folder / "served", room["room_id"], served_bytes)
    published = RoomModels()

    async def never(_: Message) -> Outcome:
        raise AssertionError

    def runner_of(desk: JobDesk, downloader: DatasetBringer, publisher: ModelTaker) -> JobRunner:
        return JobRunner(
            worker_id="gpu-1",
            room_id=room["room_id"],
            desk=desk,
            downloader=downloader,
            cache=cache,
            publisher=publisher,
            checkpointing=None,
            trainer=lambda _: SubprocessTrainer("sleap-nn"),
            work_dir=work_dir,
            lease_s=60,
            board=board,
        )

    shift = ShiftWatch(Shift(None, None), never, stop)
    direct = DirectJobs(
        room["room_id"], slot, shift, runner_of, lambda: DirectModels(models, published), work_dir
    )
    told = metadata("gpu-1", "maintenance", reads_models=True)
    card = Card(room["room_id"], who["username"], "worker", told)
    signaling = SignalingClient(hall.ws_url, card, lambda: str(who["id_token"]), room["token"])
    server = LiveServer(signaling, board, models, direct=direct)
    running = [asyncio.create_task(server.run(stop)), asyncio.create_task(direct.run(stop))]
    try:
        await signaling.registered()
        yield DirectWorker(who["username"], slot, models, published, work_dir)
    finally:
        stop.set()
        await asyncio.gather(*running)
