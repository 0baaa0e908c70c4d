"""Orchestration: one attempt at a job, stage by stage: its dataset, its training, its model."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sleap_rtc.events.job_progress import MOST_LINE_CHARACTERS, LineLogged, RunEnded, StepTaken
from sleap_rtc.events.jobs import JobState
from sleap_rtc.live.job_board import JobRun
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.model_folder import checksum_of, config_of, read_config
from sleap_rtc.storage.training_config import hyperparameters_of
from sleap_rtc.worker.job_controls import JobControls
from sleap_rtc.worker.lineage import Lineage, joined_software
from sleap_rtc.worker.machine import machine_software
from sleap_rtc.worker.package import unpack
from sleap_rtc.worker.resumable_training import ResumableTraining
from sleap_rtc.worker.training_stage import TrainingStage
from sleap_rtc.worker.transfer_stage import TransferStage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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

    def __init__(self, held: HeldJob, lines: JobLog, folder: Path, worker_id: str) -> None:
        self._held = held
        self._lines = lines
        self._folder = folder
        self._worker_id = worker_id
        self._training: TrainingStage | None = None
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

    def bring_dataset(self, downloader: DatasetBringer, cache: BlobCache) -> TrainingPackage:
        """Download the dataset and unpack it.

        Raises:
            TransferCancelled: somebody cancelled the download.
            PackageRefused: it is no training package.
            What the downloader raises.
        """
        dataset = self._held.job.dataset
        self._advance(JobState.DOWNLOADING)
        unpacked = self._folder / "package"
        unpacked.mkdir()
        with self._transfer("download", dataset.file_name, dataset.size_bytes) as stage:
            found = downloader.cached(dataset, cache, self.line, stage.hold, stage.moved)
            with found as archive:
                stage.done()
                package = unpack(archive, unpacked)
        self._check()
        return package

    def train(
        self, package: TrainingPackage, trainer: Trainer, checkpointing: Checkpointing | None
    ) -> TrainingResult:
        """Train, from the last checkpoint of an earlier attempt if there is one, and if any are kept.

        Raises:
            JobFailed: there is no model.
        """
        self.flush()
        self._advance(JobState.TRAINING, f"dataset verified {self._held.job.dataset.checksum}")
        self.line(f"training {package.model_type} with the {trainer.title}")
        if checkpointing is None:
            overrides = self._held.job.request.overrides
            result = self._train(package, trainer, overrides, lambda _: None)
        else:
            copies = self._folder / "checkpoint"
            training = ResumableTraining(checkpointing, self._held, package, trainer.title, copies, self.line)
            result = training.run(lambda options, heard: self._train(package, trainer, options, heard))
        self._check()
        return result

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

    def publish(self, package: TrainingPackage, trainer: str, result: TrainingResult, to: ModelTaker) -> None:
        """Send the model to the room.

        Raises:
            TransferCancelled: somebody cancelled the upload.
            What the publisher raises.
        """
        record = to.describe(
            result.folder,
            self._held.job,
            trainer,
            package.model_type,
            self._worker_id,
            datetime.now(UTC),
            lineage_of(package, result),
        )
        self.flush()
        kind = "partial model" if result.stopped else "model"
        self._advance(JobState.UPLOADING, f"{kind} {record.model_id}", record)
        self.line(f"uploading {kind} {record.model_id} to room storage, {record.size_bytes:,} bytes")

        def sent(file: ModelFile) -> None:
            self.line(f"sent {file.name} {file.checksum}")
            if file is record.files[-1]:
                self._lines.flush()

        with self._transfer("upload", f"model {record.model_id}", record.size_bytes) as stage:
            to.send(result.folder, record, sent, stage.hold, stage.moved)
            stage.done()

    @contextmanager
    def _transfer(
        self, direction: Literal["download", "upload"], name: str, size_bytes: int
    ) -> Iterator[TransferStage]:
        stage = TransferStage(direction, name, size_bytes, self._held.stop, self._tell)
        try:
            with self.controls.at(stage):
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
