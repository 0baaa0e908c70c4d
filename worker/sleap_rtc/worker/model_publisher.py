"""Adapter: sends a trained model to the room, `model.json` last, with the worker's own credentials.

Each file is a verified multipart upload like any other; the creation of `model.json` is the event that
publishes the model, so a worker that dies before leaves nothing that anybody would see.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import IntegrityError, NotFound
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.upload_engine import UploadEngine
from sleap_rtc.worker.errors import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import MultipartUpload, S3Transfers
    from sleap_rtc.storage.upload_session import PartToSign, SentPart

_PUBLISHED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(ckpt|yaml|yml|json|csv)")
_CHECKSUM = "checksum"
_KEPT_BACK = {"last.ckpt", "model.json"}


class OwnSession:
    """An upload session whose URLs the worker signs itself."""

    def __init__(
        self,
        objects: ObjectStore,
        transfers: S3Transfers,
        key: str,
        upload: MultipartUpload,
        size_bytes: int,
    ) -> None:
        self._objects = objects
        self._transfers = transfers
        self._key = key
        self._upload = upload
        self._size_bytes = size_bytes

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        return {
            part.number: self._transfers.sign_part(
                self._key, self._upload.s3_upload_id, part.number, part.length, part.crc
            )
            for part in parts
        }

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts; an object that is there already, by a lost reply, is as good."""
        try:
            self._transfers.complete(self._key, self._upload, parts, crc, self._size_bytes)
        except NotFound:
            found = self._objects.head(self._key)
            if (found.size_bytes, found.metadata.get(_CHECKSUM)) != (self._size_bytes, to_text(crc)):
                raise


class ModelPublisher:
    """Sends models to the rooms bucket."""

    def __init__(self, objects: S3ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

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
        """
        place = keys.ModelFolder(record.room_id, record.model_type, record.model_id)
        for file in record.files:
            self._send_file(folder / file.name, place.file(file.name), file)
            on_file(file)
        self._objects.put(place.record, record.model_dump_json(indent=1).encode(), Overwrite())

    def _send_file(self, path: Path, key: str, file: ModelFile) -> None:
        if file.size_bytes == 0:
            self._objects.put(key, b"", Overwrite(), "application/octet-stream")
            return
        upload = self._transfers.create(key, "application/octet-stream", {_CHECKSUM: file.checksum})
        session = OwnSession(self._objects, self._transfers, key, upload, file.size_bytes)
        try:
            sent = to_text(UploadEngine(path, plan_parts(file.size_bytes), session).run())
        except BaseException:
            self._transfers.abort(key, upload.s3_upload_id)
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
