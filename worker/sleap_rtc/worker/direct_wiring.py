"""Orchestration: picks the implementations that jobs of live peers run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.dataset_cache import dataset_cache
from sleap_rtc.worker.direct_jobs import DirectJobs
from sleap_rtc.worker.direct_models import DirectModels
from sleap_rtc.worker.job_runner import JobRunner
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.live.job_board import JobBoard
    from sleap_rtc.settings import Settings
    from sleap_rtc.worker.attempt_ports import DatasetBringer, ModelTaker
    from sleap_rtc.worker.legacy_shop import GuestModels
    from sleap_rtc.worker.served_models import ServedModels
    from sleap_rtc.worker.shift_watch import ShiftWatch
    from sleap_rtc.worker.slot import Slot
    from sleap_rtc.worker.trainer import TrainerName

_LEASE_S = 120.0
"""Of a claim that nobody else could take."""


def direct_jobs(
    settings: Settings,
    room_id: str,
    worker_id: str,
    trainer: TrainerName,
    slot: Slot,
    shift: ShiftWatch,
    board: JobBoard,
    kept: ServedModels,
    guests: GuestModels | None,
    on_kept: Callable[[], None],
    work_dir: Path,
    traffic: Traffic = SILENT,
) -> DirectJobs:
    """Return what takes jobs from peers.

    Args:
        settings: where everything is.
        room_id: whose jobs they count as.
        worker_id: of this worker.
        trainer: the engine for jobs that do not ask for one.
        slot: shared with the queue.
        shift: they count for it.
        board: where they can be watched.
        kept: where their models are kept to be read.
        guests: takes their models for the room; None where no room keeps any.
        on_kept: called once a model more is kept.
        work_dir: where folders for jobs are made.
        traffic: is told of the bytes of packages.
    """
    cache = dataset_cache(settings)

    def runner_of(desk: JobDesk, downloader: DatasetBringer, publisher: ModelTaker, /) -> JobRunner:
        return JobRunner(
            worker_id=worker_id,
            room_id=room_id,
            desk=desk,
            downloader=downloader,
            cache=cache,
            publisher=publisher,
            checkpointing=None,
            trainer=lambda asked: SubprocessTrainer(asked or trainer),
            work_dir=work_dir,
            lease_s=_LEASE_S,
            board=board,
        )

    def models_of() -> DirectModels:
        return DirectModels(kept, guests, on_kept)

    return DirectJobs(room_id, slot, shift, runner_of, models_of, work_dir, traffic)
