"""Orchestration: a training that goes on where an earlier attempt was lost, and leaves the next one the same.

An engine that does not go on from a checkpoint, though its bytes are right, trains from the start instead.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobCancelled
from sleap_rtc.events.worker_facts import CheckpointKept
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.model_folder import checksum_of
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.checkpoint_copy import joined
from sleap_rtc.worker.checkpoint_keeper import CheckpointKeeper, TrainingFacts
from sleap_rtc.worker.errors import JobFailed, TrainerMissing
from sleap_rtc.worker.resumption import SAVE_LAST, Resumption, brought
from sleap_rtc.worker.training_events import EpochEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sleap_rtc.storage.manifest import ModelTurn
    from sleap_rtc.worker.checkpoint_store import CheckpointStore
    from sleap_rtc.worker.held_job import HeldJob
    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.trainer import TrainingResult
    from sleap_rtc.worker.training_events import OnEvent, TrainingEvent

LAST_CALL_S = 15.0
"""How long a worker that shuts down waits for its last checkpoint to get through: half of the 30 s after
which Kubernetes kills a pod (terminationGracePeriodSeconds)."""


@dataclass(frozen=True)
class Checkpointing:
    """How checkpoints are kept.

    Args:
        store: where.
        every_s: how long one has to lie back before another is brought, in seconds.
        traffic: is told of requests and bytes.
    """

    store: CheckpointStore
    every_s: float
    traffic: Traffic = SILENT


class ResumableTraining:
    """One training of a job.

    Args:
        checkpointing: where its checkpoints are, and how often.
        held: the job.
        package: what is trained.
        turn: the place of the model among those of the job.
        title: of the trainer.
        copies: a folder of its own.
        say: told in a line what is done.
    """

    def __init__(
        self,
        checkpointing: Checkpointing,
        held: HeldJob,
        package: TrainingPackage,
        turn: ModelTurn,
        title: str,
        copies: Path,
        say: Callable[[str], None],
    ) -> None:
        self._checkpointing = checkpointing
        self._held = held
        self._package = package
        self._copies = copies
        self._say = say
        self._facts = TrainingFacts(
            held.hold, turn.index, package.model_type, checksum_of(package.config), title
        )
        self._run = package.folder / "models" / package.run_name
        self._advanced = False

    def run(self, train: Callable[[Mapping[str, str], OnEvent], TrainingResult]) -> TrainingResult:
        """Train.

        Args:
            train: has the engine do it, with these options; its events are told to the second argument.

        Raises:
            LeaseLost: the job is not this worker's any more.
            What `train` raises.
        """
        store, package = self._checkpointing.store, self._package.folder
        traffic = self._checkpointing.traffic.of("checkpoint")
        resumption = brought(store, self._facts, package, self._say, self._held.stop, traffic)
        if resumption is not None:
            tell(CheckpointKept("resumed_from"))
            try:
                return self._once(train, resumption)
            except TrainerMissing:
                raise
            except JobFailed as error:
                if self._advanced or self._held.stop.is_set():
                    raise
                self._say(f"the trainer does not go on from it, so training starts over: {error}")
                shutil.rmtree(self._run, ignore_errors=True)
        return self._once(train, None)

    def _once(
        self,
        train: Callable[[Mapping[str, str], OnEvent], TrainingResult],
        resumption: Resumption | None,
    ) -> TrainingResult:
        rows = resumption.rows if resumption else ()
        more = resumption.options if resumption else {}
        options = {SAVE_LAST: "true", **self._held.job.overrides, **more}
        store, every_s = self._checkpointing.store, self._checkpointing.every_s
        traffic = self._checkpointing.traffic
        keeper = CheckpointKeeper(store, self._facts, self._run, self._copies, every_s, rows, traffic)

        def on_event(event: TrainingEvent) -> None:
            if isinstance(event, EpochEnded):
                self._advanced = True
                keeper.epoch_ended(event.epoch, event.logs)

        try:
            with keeper:
                try:
                    result = train(options, on_event)
                finally:
                    if self._held.stop.is_set() and self._held.lost is None:
                        keeper.finish(LAST_CALL_S)
        finally:
            if isinstance(self._held.lost, JobCancelled):
                with suppress(SleapRtcError):
                    store.discard(self._held.hold)
        return replace(result, epochs=joined(rows, result.epochs))
