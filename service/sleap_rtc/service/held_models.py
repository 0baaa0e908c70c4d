"""Orchestration: models on their way to a room from workers that have no credentials for S3.

The service keeps nothing between two calls. Each names a hold, which is looked at in the job's record every
time; the folder of the model follows from that record, and no key ever comes from a caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobState, LeaseLost
from sleap_rtc.events.worker_api import ModelFileOpened
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import combine, from_header, to_header, to_text
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.s3_transfers import MultipartUpload
from sleap_rtc.storage.upload_session import PartToSign, SentPart

if TYPE_CHECKING:
    from sleap_rtc.events.job_desk import StoreJobDesk
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.worker_api import AbortModelFile, CompleteModelFile, OpenModelFile, SignModelParts
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class HeldModels:
    """The models of jobs that are held. Every method raises LeaseLost where the caller does not hold the job,
    and InputError where the job has not come to uploading a model.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

    def open(self, desk: StoreJobDesk, hold: Hold, asked: OpenModelFile) -> ModelFileOpened:
        """Open the upload of a file; an empty one is written at once.

        Raises:
            InputError: it is no name that a model's file can have, or a model with this id is published and
                has other files.
        """
        folder = _folder(desk.held(hold))
        key = _key(folder, asked.name)
        file = ModelFile(name=asked.name, size_bytes=asked.size_bytes, checksum=asked.checksum)
        self._check_published(folder, file)
        if file.size_bytes == 0:
            self._objects.put(key, b"", Overwrite(), "application/octet-stream")
            return ModelFileOpened(s3_upload_id="", whole_checksum=True)
        opened = OwnSession.open(self._objects, self._transfers, key, file.size_bytes, file.checksum).upload
        return ModelFileOpened(s3_upload_id=opened.s3_upload_id, whole_checksum=opened.whole_checksum)

    def sign(self, desk: StoreJobDesk, hold: Hold, asked: SignModelParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        parts = [PartToSign(part.number, part.length, from_header(part.checksum)) for part in asked.parts]
        return dict(self._session(_folder(desk.held(hold)), asked).sign(parts))

    def complete(self, desk: StoreJobDesk, hold: Hold, asked: CompleteModelFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless.

        Raises:
            IntegrityError: the parts do not make up the file that was announced.
            InputError: a model with this id is published and has other files.
            NotFound: the upload is gone.
        """
        sent = [SentPart(p.number, p.length, from_header(p.checksum), p.etag) for p in asked.parts]
        crc = combine((part.crc, part.length) for part in sent)
        if to_header(crc) != asked.checksum:
            raise IntegrityError(what=asked.name, expected=asked.checksum, found=to_header(crc))
        folder, size_bytes = _folder(desk.held(hold)), sum(part.length for part in sent)
        file = ModelFile(name=asked.name, size_bytes=size_bytes, checksum=to_text(crc))
        self._check_published(folder, file)
        self._session(folder, asked, size_bytes, whole_checksum=asked.whole_checksum).complete(sent, crc)

    def abort(self, desk: StoreJobDesk, hold: Hold, asked: AbortModelFile) -> None:
        """Give an upload up and free its parts."""
        self._session(_folder(desk.held(hold)), asked).abort()

    def publish(self, desk: StoreJobDesk, hold: Hold, record: ModelRecord) -> None:
        """Write the record, whose creation publishes the model; repeating it after a lost reply is harmless.

        Raises:
            InputError: the record is not what the job's says, or its files are not there.
        """
        try:
            job = desk.held(hold)
        except LeaseLost:
            folder = keys.ModelFolder(hold.room_id, record.model_type, record.model_id)
            if keys.parse_model_key(folder.record) == folder and self._record(folder) == record:
                return
            raise
        folder = _folder(job)
        why_not = _why_not(record, job) or self._missing(folder, record)
        if why_not:
            raise InputError(message=f"Model {record.model_id[:64]} cannot be published: {why_not}.")
        self._objects.put(folder.record, record.model_dump_json(indent=1).encode(), Overwrite())

    def _session(
        self,
        folder: keys.ModelFolder,
        asked: SignModelParts | CompleteModelFile | AbortModelFile,
        size_bytes: int = 0,
        *,
        whole_checksum: bool = True,
    ) -> OwnSession:
        upload = MultipartUpload(asked.s3_upload_id, whole_checksum)
        return OwnSession(self._objects, self._transfers, _key(folder, asked.name), upload, size_bytes)

    def _check_published(self, folder: keys.ModelFolder, file: ModelFile) -> None:
        """Refuse to write over a model that is published: what has its id has its files."""
        present = self._record(folder)
        if present is not None and file not in present.files:
            message = f"Model {folder.model_id} is published already, and {file.name} would not be its file."
            raise InputError(message=message)

    def _record(self, folder: keys.ModelFolder) -> ModelRecord | None:
        try:
            return ModelRecord.model_validate_json(self._objects.get(folder.record).body)
        except NotFound:
            return None

    def _missing(self, folder: keys.ModelFolder, record: ModelRecord) -> str:
        for file in record.files:
            try:
                found = self._objects.head(_key(folder, file.name))
            except NotFound:
                return f"{file.name} is not there"
            if found.size_bytes != file.size_bytes:
                return f"{file.name} has another size"
        return ""


def _folder(job: Job) -> keys.ModelFolder:
    if job.state is not JobState.UPLOADING or job.model_id is None or job.model_type is None:
        raise InputError(message=f"Job {job.job_id} is {job.state}; it is not uploading a model.")
    return keys.ModelFolder(job.room_id, job.model_type, job.model_id)


def _key(folder: keys.ModelFolder, name: str) -> str:
    key = folder.file(name)
    if key == folder.record:
        raise InputError(message=f"{name} is not a file of a model: it is the record that publishes it.")
    return key


def _why_not(record: ModelRecord, job: Job) -> str:
    """Tell what in a record is not what the job's record says."""
    facts = {
        "room_id": job.room_id,
        "job_id": job.job_id,
        "fencing": job.fencing,
        "attempt": job.attempt,
        "model_id": job.model_id,
        "model_type": job.model_type,
        "dataset_checksum": job.dataset.checksum,
        "trained_by": job.created_by,
        "trained_on_worker": job.lease.worker_id if job.lease else "",
        "traceparent": job.traceparent,
    }
    wrong = [name for name, value in facts.items() if getattr(record, name) != value]
    if wrong:
        return f"its {wrong[0]} is not that of job {job.job_id}"
    return "" if model_id_of(record.files) == record.model_id else "its id is not that of its files"
