"""Orchestration: one attempt at a job, stage by stage: its dataset, and then each model, trained and sent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sleap_rtc.events.job_progress import MOST_LINE_CHARACTERS, LineLogged, RunEnded, StepTaken
from sleap_rtc.events.jobs import JobState, LeaseLost
from sleap_rtc.live.job_board import JobRun
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.manifest import ModelTurn
from sleap_rtc.storage.model_folder import checksum_of, config_of, read_config
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.storage.training_config import hyperparameters_of
from sleap_rtc.worker import attempt_log, attempt_spans
from sleap_rtc.worker.job_controls import JobControls
from sleap_rtc.worker.lineage import Lineage, joined_software
from sleap_rtc.worker.machine import machine_software
from sleap_rtc.worker.package import unpack
from sleap_rtc.worker.resumable_training import ResumableTraining
from sleap_rtc.worker.trained_model import TrainedModel
from sleap_rtc.worker.training_stage import TrainingStage
from sleap_rtc.worker.transfer_stage import TransferStage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sleap_rtc.events.job_progress import JobEvent
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.manifest import ModelFile, ModelRecord
    from sleap_rtc.worker.attempt_ports import DatasetBringer, ModelTaker
    from sleap_rtc.worker.held_job import HeldJob
    from sleap_rtc.worker.job_log import JobLog
    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.resumable_training import Checkpointing
    from sleap_rtc.worker.trainer import Trainer, TrainingResult
    from sleap_rtc.worker.training_events import OnEvent, TrainingEvent


LAST_MODEL_S = 8.0
"""How long a pod that has to leave takes for what its training has come to. With its last checkpoint that
makes less than the 30 s after which Kubernetes kills it (terminationGracePeriodSeconds)."""


class WorkerStopping(Exception):
    """The worker was asked to end."""


class JobAttempt:
    """One attempt, which can be watched and commanded while it is under way.

    Args:
        held: the job.
        lines: its log.
        folder: where files may be made; removed afterwards.
        worker_id: of the worker.
    """

    _makes = "model"

    def __init__(self, held: HeldJob, lines: JobLog, folder: Path, worker_id: str) -> None:
        self._held = held
        self._lines = lines
        self._folder = folder
        self._worker_id = worker_id
        self._training: TrainingStage | None = None
        self._unsent: TrainedModel | None = None
        self.controls = JobControls(self._tell)
        self.run = JobRun(held.hold.job_id, held.hold.fencing, self.controls.obey, self._find)
        """What others see of it."""
        self._step(JobState.CLAIMED, f"attempt {held.job.attempt}")

    def line(self, text: str) -> None:
        """Add a line to the job's log, for whoever watches and for later."""
        self._lines.line(text)
        self._tell(LineLogged(text=text[:MOST_LINE_CHARACTERS]))

    def flush(self) -> None:
        """Have the log written as far as it goes, so that it can be read before what happens next."""
        self._lines.flush()

    def end(self, text: str) -> None:
        """Say that this worker is done with the job."""
        self.controls.end("this worker is done with the job")
        self._tell(RunEnded(state=self._held.job.state, text=text[:500]))

    def bring_dataset(self, downloader: DatasetBringer, cache: BlobCache) -> Sequence[TrainingPackage]:
        """Download the dataset, unpack it, and return what is to be trained, in its order.

        Raises:
            TransferCancelled: somebody cancelled the download.
            PackageRefused: it is no training package.
            What the downloader raises.
        """
        dataset = self._held.job.dataset
        self._advance(JobState.DOWNLOADING)
        unpacked = self._folder / "package"
        unpacked.mkdir()
        with (
            attempt_spans.downloading(dataset),
            self._transfer("download", dataset.file_name, dataset.size_bytes) as stage,
        ):
            found = downloader.cached(dataset, cache, self.line, stage.hold, stage.moved)
            with found as archive:
                stage.done()
                packages = unpack(archive, unpacked)
        self._check()
        return packages

    def make_models(
        self,
        packages: Sequence[TrainingPackage],
        trainer: Trainer,
        checkpointing: Checkpointing | None,
        to: ModelTaker,
    ) -> None:
        """Train each model that no earlier attempt has sent, and send it to the room.

        A training goes on from the last checkpoint of an earlier attempt if there is one, and any are kept.

        Raises:
            JobFailed: one came to nothing.
            TransferCancelled: somebody cancelled an upload.
            What the publisher raises.
        """
        verified = f"dataset verified {self._held.job.dataset.checksum}"
        for model in self._held.job.models:
            self.line(f"model {model.model_id} ({model.model_type}) of an earlier attempt counts")
        for index in range(len(self._held.job.models), len(packages)):
            package, turn = packages[index], ModelTurn(index=index, count=len(packages))
            self.flush()
            self._advance(JobState.TRAINING, f"{verified}{turn.words}")
            self.line(f"training {package.model_type} with the {trainer.title}{turn.words}")
            with attempt_spans.training(package.model_type, turn, trainer.title):
                result = self._trained(package, turn, trainer, checkpointing)
                attempt_spans.trained(len(result.epochs))
            trained = self._model(package, turn, trainer, result)
            self._unsent = replace(trained, interim=self._held.stop.is_set())
            self._check()
            self._send(trained, to, self._held.stop)
            self._unsent = None

    def leave_model(self, to: ModelTaker) -> bool:
        """Send a model that could not be sent before, or what the training that was cut has come to.

        So the room has it whatever becomes of the job. It has `LAST_MODEL_S` for that; what goes wrong is no
        matter. Return whether the job is done with it.

        Raises:
            LeaseLost: the job is not this worker's any more.
        """
        unsent = self._unsent
        if unsent is None or (unsent.interim and not unsent.lineage.epochs):
            return False
        stop = StopSignal()
        clock = threading.Timer(LAST_MODEL_S, stop.set)
        clock.start()
        try:
            self._send(unsent, to, stop)
        except LeaseLost:
            raise
        except (SleapRtcError, OSError) as error:
            self.line(f"the worker leaves without its model in the room: {error}")
            return False
        finally:
            clock.cancel()
        return unsent.turn.is_last and not unsent.interim

    def _trained(
        self,
        package: TrainingPackage,
        turn: ModelTurn,
        trainer: Trainer,
        checkpointing: Checkpointing | None,
    ) -> TrainingResult:
        if checkpointing is None:
            overrides = self._held.job.overrides
            return self._train(package, trainer, overrides, lambda _: None)
        copies = self._folder / f"checkpoint-{turn.index}"
        training = ResumableTraining(
            checkpointing, self._held, package, turn, trainer.title, copies, self.line
        )
        return training.run(lambda options, heard: self._train(package, trainer, options, heard))

    def _train(
        self, package: TrainingPackage, trainer: Trainer, options: Mapping[str, str], heard: OnEvent
    ) -> TrainingResult:
        stage = self._training = TrainingStage(trainer.title, package.model_type, self._tell)

        def on_event(event: TrainingEvent) -> None:
            heard(event)
            stage.on_event(event)

        with self.controls.at(stage):
            return trainer.train(
                package, options, self.line, self._held.stop, on_event=on_event, commands=stage.commands
            )

    def _model(
        self, package: TrainingPackage, turn: ModelTurn, trainer: Trainer, result: TrainingResult
    ) -> TrainedModel:
        return TrainedModel(
            folder=result.folder,
            job=self._held.job,
            trainer=trainer.title,
            model_type=package.model_type,
            worker_id=self._worker_id,
            trained_at=datetime.now(UTC),
            lineage=lineage_of(package, result),
            turn=turn,
        )

    def _send(self, trained: TrainedModel, to: ModelTaker, stop: StopSignal) -> None:
        with attempt_spans.sending_model(trained.turn):
            record = to.describe(trained)
            attempt_spans.described(record)
            self._send_described(trained, record, to, stop)

    def _send_described(
        self, trained: TrainedModel, record: ModelRecord, to: ModelTaker, stop: StopSignal
    ) -> None:
        self.flush()
        kind = "interim model" if trained.interim else "partial model" if trained.lineage.partial else "model"
        words = trained.turn.words
        self._advance(JobState.UPLOADING, f"{kind} {record.model_id}{words}", record)
        self.line(f"uploading {kind} {record.model_id}{words} to room storage, {record.size_bytes:,} bytes")

        def sent(file: ModelFile) -> None:
            self.line(f"sent {file.name} {file.checksum}")
            if file is record.files[-1]:
                self._lines.flush()

        with self._transfer("upload", f"model {record.model_id}", record.size_bytes, stop) as stage:
            to.send(trained.folder, record, sent, stage.hold, stage.moved)
            stage.done()
        if not (trained.interim or trained.turn.is_last):
            self._held.sent(record.model_id, record.model_type, trained.turn)

    @contextmanager
    def _transfer(
        self,
        direction: Literal["download", "upload"],
        name: str,
        size_bytes: int,
        stop: StopSignal | None = None,
    ) -> Iterator[TransferStage]:
        ends, content = stop or self._held.stop, "dataset" if direction == "download" else self._makes
        stage = TransferStage(direction, name, size_bytes, ends, self._tell, made=self._makes)
        try:
            with (
                attempt_log.transfer(self._held.job, direction, content, size_bytes),
                self.controls.at(stage),
            ):
                yield stage
        except SleapRtcError as error:
            stage.failed(str(error))
            raise

    def _advance(
        self,
        state: Literal[JobState.DOWNLOADING, JobState.TRAINING, JobState.UPLOADING],
        note: str = "",
        model: ModelRecord | None = None,
    ) -> None:
        of_model = {"model_id": model.model_id, "model_type": model.model_type} if model else {}
        self._held.advance(state, note, **of_model)
        self._step(state, note)

    def _step(self, state: JobState, note: str) -> None:
        attempt_log.step(self._held.job, state, self._worker_id)
        self._tell(StepTaken(state=state, note=note))

    def _tell(self, event: JobEvent) -> None:
        self.run.tell(event)

    def _find(self, name: str) -> Path | None:
        return self._training.find(name) if self._training is not None else None

    def _check(self) -> None:
        if self._held.stop.is_set():
            raise WorkerStopping


def lineage_of(package: TrainingPackage, result: TrainingResult) -> Lineage:
    """Return what a model was made with."""
    # The configuration that the trainer left has the overrides and defaults in it, unlike the package's.
    used = config_of(result.folder)
    return Lineage(
        config_checksum=checksum_of(package.config),
        hyperparameters=hyperparameters_of(read_config(used)) if used else {},
        software=joined_software(machine_software(), result.software),
        epochs=result.epochs,
        partial=result.stopped,
    )
