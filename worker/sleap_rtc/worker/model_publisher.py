"""Orchestration: sends a trained model to the room, `model.json` last.

Each file is a verified multipart upload like any other; the creation of `model.json` is the event that
publishes the model, so a worker that dies before leaves nothing that anybody would see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.tracing import current_traceparent
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.manifest import ModelFile, ModelRecord
from sleap_rtc.storage.model_folder import ModelFolderRefused, read_model_folder, read_table
from sleap_rtc.storage.progress import OfSeveral, ProgressHook, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.errors import TrainingFailed
from sleap_rtc.worker.lineage import metrics_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.storage.transfer_hold import TransferHold
    from sleap_rtc.worker.model_store import ModelStore
    from sleap_rtc.worker.trained_model import TrainedModel


class ModelPublisher:
    """Sends models to wherever they are kept.

    Args:
        store: where that is.
        on_published: called with a published model's folder, which is about to be removed, and its record.
        traffic: is told of requests and bytes.
    """

    def __init__(
        self,
        store: ModelStore,
        on_published: Callable[[Path, ModelRecord], None] = lambda _folder, _record: None,
        traffic: Traffic = SILENT,
    ) -> None:
        self._store = store
        self._on_published = on_published
        self._traffic = traffic.of("model")

    def describe(self, trained: TrainedModel) -> ModelRecord:
        """Return the record of a model. Raises TrainingFailed where a room would not take it."""
        return record_of(trained)

    def send(
        self,
        folder: Path,
        record: ModelRecord,
        on_file: Callable[[ModelFile], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> None:
        """Send every file and then the record.

        Args:
            folder: where the files lie.
            record: which they are.
            on_file: told of each that is there.
            hold: holds the upload, or ends it.
            on_progress: told how far the model is, all its files together.

        Raises:
            TransferCancelled: somebody cancelled it.
            FileChanged: a file is not the one that was described.
            TransferFailed: the store would not take it.
            LeaseLost: the job is not this worker's any more, where the store looks.
        """
        before = 0
        for file in record.files:
            of_model = OfSeveral(on_progress, before, record.size_bytes)
            self._send_file(folder / file.name, record, file, hold, of_model)
            before += file.size_bytes
            on_file(file)
        self._store.publish(record)
        self._on_published(folder, record)

    def _send_file(
        self,
        path: Path,
        record: ModelRecord,
        file: ModelFile,
        hold: TransferHold | None,
        on_progress: ProgressHook,
    ) -> None:
        if file.size_bytes == 0:
            self._store.put_empty(record, file)
        else:
            upload = self._store.open(record, file)
            send_file(path, file, upload, on_progress=on_progress, hold=hold, traffic=self._traffic)


def record_of(trained: TrainedModel) -> ModelRecord:
    """Return the record of a model.

    Raises:
        TrainingFailed: there is none in its folder that a room would take.
    """
    try:
        found = read_model_folder(trained.folder)
    except ModelFolderRefused as refused:
        raise TrainingFailed(exit_status=0, last_lines=f"of what it left, {refused.why}") from refused
    job, lineage = trained.job, trained.lineage
    return ModelRecord(
        model_id=found.model_id,
        model_type=trained.model_type,
        room_id=job.room_id,
        files=found.files,
        job_id=job.job_id,
        attempt=job.attempt,
        fencing=job.fencing,
        turn=trained.turn,
        interim=trained.interim,
        dataset_checksum=job.dataset.checksum,
        config_checksum=lineage.config_checksum,
        software=dict(lineage.software),
        hyperparameters=dict(lineage.hyperparameters),
        trainer=trained.trainer,
        trained_by=job.created_by,
        trained_on_worker=trained.worker_id,
        trained_at=trained.trained_at,
        metrics=metrics_of(read_table(trained.folder, "metrics.json"), lineage),
        traceparent=job.traceparent,
        sent_in=current_traceparent(),
    )
