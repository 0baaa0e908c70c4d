"""Orchestration: sends a trained model to the room, `model.json` last.

Each file is a verified multipart upload like any other; the creation of `model.json` is the event that
publishes the model, so a worker that dies before leaves nothing that anybody would see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.manifest import ModelFile, ModelRecord
from sleap_rtc.storage.model_folder import ModelFolderRefused, read_model_folder, read_table
from sleap_rtc.worker.errors import TrainingFailed
from sleap_rtc.worker.lineage import Lineage, metrics_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.worker.model_store import ModelStore


class ModelPublisher:
    """Sends models to wherever they are kept.

    Args:
        store: where that is.
        on_published: called with a published model's folder, which is about to be removed, and its record.
    """

    def __init__(
        self,
        store: ModelStore,
        on_published: Callable[[Path, ModelRecord], None] = lambda _folder, _record: None,
    ) -> None:
        self._store = store
        self._on_published = on_published

    def describe(
        self,
        folder: Path,
        job: Job,
        trainer: str,
        model_type: str,
        worker_id: str,
        now: datetime,
        lineage: Lineage = Lineage(),  # noqa: B008 - it is frozen
    ) -> ModelRecord:
        """Return the record of the model that lies in `folder`.

        Raises:
            TrainingFailed: there is no model in it that a room would take.
        """
        try:
            found = read_model_folder(folder)
        except ModelFolderRefused as refused:
            raise TrainingFailed(exit_status=0, last_lines=f"of what it left, {refused.why}") from refused
        return ModelRecord(
            model_id=found.model_id,
            model_type=model_type,
            room_id=job.room_id,
            files=found.files,
            job_id=job.job_id,
            attempt=job.attempt,
            fencing=job.fencing,
            dataset_checksum=job.dataset.checksum,
            config_checksum=lineage.config_checksum,
            software=dict(lineage.software),
            hyperparameters=dict(lineage.hyperparameters),
            trainer=trainer,
            trained_by=job.created_by,
            trained_on_worker=worker_id,
            trained_at=now,
            metrics=metrics_of(read_table(folder, "metrics.json"), lineage.epochs),
            traceparent=job.traceparent,
        )

    def send(self, folder: Path, record: ModelRecord, on_file: Callable[[ModelFile], None]) -> None:
        """Send every file and then the record.

        Raises:
            FileChanged: a file is not the one that was described.
            TransferFailed: the store would not take it.
            LeaseLost: the job is not this worker's any more, where the store looks.
        """
        for file in record.files:
            self._send_file(folder / file.name, record, file)
            on_file(file)
        self._store.publish(record)
        self._on_published(folder, record)

    def _send_file(self, path: Path, record: ModelRecord, file: ModelFile) -> None:
        if file.size_bytes == 0:
            self._store.put_empty(record, file)
        else:
            send_file(path, file, self._store.open(record, file))
