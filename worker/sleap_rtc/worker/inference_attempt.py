"""Orchestration: one attempt at an inference: its dataset and models, its engine, its predictions.

The files of predictions come first, each verified, and one report last, which puts them into the job's record
and ends it: a worker that dies before leaves nothing that anybody would see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.inference import InferenceRequest, ResultFile
from sleap_rtc.events.job_progress import TrainingBegun
from sleap_rtc.events.jobs import JobState
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import IntegrityError, NotFound
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.model_folder import config_of, read_config
from sleap_rtc.storage.progress import OfSeveral
from sleap_rtc.storage.training_config import trainer_of
from sleap_rtc.worker import attempt_spans
from sleap_rtc.worker.errors import ModelUnavailable, ModelUnsuitable, TrackingFailed
from sleap_rtc.worker.job_attempt import JobAttempt
from sleap_rtc.worker.track_layout import MODELS, is_package, lay_out_dataset, lay_out_package, plain_name
from sleap_rtc.worker.track_outputs import labels_in, output_of
from sleap_rtc.worker.tracking_stage import TrackingStage
from sleap_rtc.worker.trainer import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.worker.attempt_ports import DatasetBringer
    from sleap_rtc.worker.held_job import HeldJob
    from sleap_rtc.worker.inference_ports import Inference
    from sleap_rtc.worker.job_log import JobLog
    from sleap_rtc.worker.track_layout import TrackLayout
    from sleap_rtc.worker.tracker import Tracker
    from sleap_rtc.worker.trainer import TrainerName


class InferenceAttempt(JobAttempt):
    """One attempt, which can be watched, and paused, while it is under way.

    Args:
        held: the job.
        lines: its log.
        folder: where files may be made; removed afterwards.
        worker_id: of the worker.
        request: what the job is to do.
        inference: what that takes.
    """

    _makes = "predictions"

    def __init__(
        self,
        held: HeldJob,
        lines: JobLog,
        folder: Path,
        worker_id: str,
        request: InferenceRequest,
        inference: Inference,
    ) -> None:
        super().__init__(held, lines, folder, worker_id)
        self._request = request
        self._inference = inference

    def infer(self, downloader: DatasetBringer, cache: BlobCache) -> None:
        """Bring what is needed, predict, and have the predictions in the job's record.

        Raises:
            TransferCancelled: somebody cancelled a transfer.
            JobFailed: there are no predictions; which kind of it says why.
            LeaseLost: the job is not ours any more.
            What the downloader raises.
        """
        layout = self._bring(downloader, cache)
        self._check()
        predictions = self._predict(layout)
        self._check()
        self._publish_predictions(predictions)

    def _bring(self, downloader: DatasetBringer, cache: BlobCache) -> TrackLayout:
        dataset = self._held.job.dataset
        self._advance(JobState.DOWNLOADING)
        folder = self._folder / "inference"
        folder.mkdir()
        with (
            attempt_spans.downloading(dataset),
            self._transfer("download", dataset.file_name, dataset.size_bytes) as stage,
            downloader.cached(dataset, cache, self.line, stage.hold, stage.moved) as found,
        ):
            stage.done()
            layout = self._laid_out(found, folder)
        for model in self._request.models:
            try:
                self._inference.models.bring(self._held.job.room_id, model, folder / MODELS)
            except (NotFound, IntegrityError) as error:
                raise ModelUnavailable(model=model.name, why=str(error)) from error
            self.line(f"model {model.name} is {model.model_type} {model.model_id}, verified")
        return layout

    def _laid_out(self, dataset: Path, folder: Path) -> TrackLayout:
        request, name = self._request, self._held.job.dataset.file_name
        if is_package(name):
            return lay_out_package(dataset, folder, request.options)
        models = [f"{model.model_type}_{model.model_id}" for model in request.models]
        return lay_out_dataset(dataset, name, folder, models, request.options)

    def _predict(self, layout: TrackLayout) -> Sequence[Path]:
        tracker = self._inference.tracker(engine_for(layout.models, self._request.trainer))
        named = ", ".join(model.name for model in self._request.models) or "the package's models"
        self.flush()
        self._advance(JobState.TRAINING, f"inference with {named} by the {tracker.title}")
        self.line(f"predicting with {named} by the {tracker.title}")
        stage = TrackingStage()
        begun = TrainingBegun(trainer=tracker.title, abilities=stage.abilities)
        with attempt_spans.predicting(tracker.title), self.controls.at(stage):
            self._tell(begun)
            return self._outputs(tracker, layout, stage)

    def _outputs(self, tracker: Tracker, layout: TrackLayout, stage: TrackingStage) -> Sequence[Path]:
        outputs: list[Path] = []
        for command in layout.commands:
            before = set(labels_in(layout.folder))
            tracker.track(command.arguments, layout.folder, self.line, self._held.stop, stage.started)
            self._check()
            found = output_of(layout.folder, command, before)
            if found is None or found.stat().st_size == 0:
                raise TrackingFailed(exit_status=0, last_lines="it ended well, and there is no file")
            outputs.append(found)
        return list(dict.fromkeys(outputs))

    def _publish_predictions(self, paths: Sequence[Path]) -> None:
        files = [_described(path) for path in paths]
        total = sum(file.size_bytes for file in files)
        named = ", ".join(file.name for file in files)
        self.flush()
        self._advance(JobState.UPLOADING, f"predictions {named}")
        self.line(f"uploading {named} to room storage, {total:,} bytes")
        before = 0
        with attempt_spans.sending_predictions(total), self._transfer("upload", named, total) as stage:
            for path, file in zip(paths, files, strict=True):
                progress = OfSeveral(stage.moved, before, total)
                upload = self._inference.results.open(self._held.hold, file)
                traffic = self._inference.traffic.of("results")
                send_file(path, file, upload, on_progress=progress, hold=stage.hold, traffic=traffic)
                before += file.size_bytes
                self.line(f"sent {file.name} {file.checksum}")
            stage.done()
        self.flush()
        self._held.finish(tuple(files))


def engine_for(models: Sequence[Path], asked: TrainerName | None) -> TrainerName:
    """Return whose engine is to use models: the one that is asked for, else the one that trained them.

    Raises:
        ModelUnsuitable: sleap-nn would have to use a model of the reference trainer.
    """
    ours = [folder.name for folder in models if _trained_by(folder) == TITLES["reference"]]
    if ours and asked == "sleap-nn":
        raise ModelUnsuitable(told=f"{ours[0]} is of the reference trainer, and sleap-nn cannot read it.")
    return asked or ("reference" if ours and len(ours) == len(models) else "sleap-nn")


def _trained_by(folder: Path) -> str:
    config = config_of(folder)
    return trainer_of(read_config(config))[0] if config else ""


def _described(path: Path) -> ResultFile:
    with path.open("rb") as stream:
        crc, size_bytes = crc_of_stream(stream)
    return ResultFile(name=plain_name(path.name), size_bytes=size_bytes, checksum=to_text(crc))
