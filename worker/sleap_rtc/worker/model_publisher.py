"""Orchestration: sends a trained model to the room, `model.json` last.

Each file is a verified multipart upload like any other; the creation of `model.json` is the event that
publishes the model, so a worker that dies before leaves nothing that anybody would see.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import IntegrityError, SleapRtcError
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.upload_engine import UploadEngine
from sleap_rtc.worker.errors import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.worker.model_store import ModelStore

_PUBLISHED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(ckpt|yaml|yml|json|csv)")
_KEPT_BACK = {"last.ckpt", "model.json"}


class ModelPublisher:
    """Sends models to wherever they are kept."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def describe(
        self, folder: Path, job: Job, trainer: str, model_type: str, worker_id: str, now: datetime
    ) -> ModelRecord:
        """Return the record of the model that lies in `folder`.

        Raises:
            TrainingFailed: there is no model in it.
        """
        paths = sorted(
            path
            for path in (folder.iterdir() if folder.is_dir() else ())
            if path.is_file() and _PUBLISHED.fullmatch(path.name) and path.name not in _KEPT_BACK
        )
        if not any(path.suffix == ".ckpt" for path in paths):
            raise TrainingFailed(exit_status=0, last_lines="it left no checkpoint")
        files = tuple(_described(path) for path in paths)
        return ModelRecord(
            model_id=model_id_of(files),
            model_type=model_type,
            room_id=job.room_id,
            files=files,
            job_id=job.job_id,
            attempt=job.attempt,
            fencing=job.fencing,
            dataset_checksum=job.dataset.checksum,
            trainer=trainer,
            trained_by=job.created_by,
            trained_on_worker=worker_id,
            trained_at=now,
            metrics=_metrics(folder),
            traceparent=job.traceparent,
        )

    def send(self, folder: Path, record: ModelRecord, on_file: Callable[[ModelFile], None]) -> None:
        """Send every file and then the record.

        Raises:
            IntegrityError: a file changed since it was described.
            TransferFailed: the store would not take it.
            LeaseLost: the job is not this worker's any more, where the store looks.
        """
        for file in record.files:
            self._send_file(folder / file.name, record, file)
            on_file(file)
        self._store.publish(record)

    def _send_file(self, path: Path, record: ModelRecord, file: ModelFile) -> None:
        if file.size_bytes == 0:
            self._store.put_empty(record, file)
            return
        upload = self._store.open(record, file)
        try:
            sent = to_text(UploadEngine(path, plan_parts(file.size_bytes), upload).run())
        except BaseException:
            # What went wrong first is what is told; an upload that stays open is seen by nobody.
            with suppress(SleapRtcError):
                upload.abort()
            raise
        if sent != file.checksum:
            raise IntegrityError(what=file.name, expected=file.checksum, found=sent)


def _described(path: Path) -> ModelFile:
    with path.open("rb") as stream:
        crc, size = crc_of_stream(stream)
    return ModelFile(name=path.name, size_bytes=size, checksum=to_text(crc))


def _metrics(folder: Path) -> dict[str, Any]:
    import json

    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
