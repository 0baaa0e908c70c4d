"""Pure: a model that came out of a training, before it is anywhere but here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.manifest import ModelTurn
from sleap_rtc.worker.lineage import Lineage

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sleap_rtc.events.jobs import Job


@dataclass(frozen=True)
class TrainedModel:
    """A model and where it comes from.

    Args:
        folder: where its files lie.
        job: whose it is.
        trainer: title of the engine.
        model_type: its kind.
        worker_id: of the worker.
        trained_at: when.
        lineage: what it was made with.
        turn: its place among the models of the job.
        interim: whether the job goes on elsewhere.
    """

    folder: Path
    job: Job
    trainer: str
    model_type: str
    worker_id: str
    trained_at: datetime
    lineage: Lineage = Lineage()  # noqa: RUF009 - it is frozen
    turn: ModelTurn = ModelTurn()  # noqa: RUF009 - it is frozen
    interim: bool = False
