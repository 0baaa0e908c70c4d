"""Orchestration: models on their way to a room from workers that hold the job which made them.

Each call names a hold, which is looked at in the job's record every time; the folder of the model follows
from that record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.jobs import JobState, LeaseLost
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, model_id_of
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from sleap_rtc.events.job_desk import StoreJobDesk
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.model_files_api import ModelFileOpened
    from sleap_rtc.events.worker_api import AbortModelFile, CompleteModelFile, OpenModelFile, SignModelParts
    from sleap_rtc.service.model_files import ModelFiles
    from sleap_rtc.storage.object_store import ObjectStore


class HeldModels:
    """The models of jobs that are held. Every method raises LeaseLost where the caller does not hold the job,
    InputError where the job has not come to uploading a model, and what `ModelFiles` raises.

    Args:
        objects: the rooms bucket.
        files: in it.
    """

    def __init__(self, objects: ObjectStore, files: ModelFiles) -> None:
        self._objects = objects
        self._files = files

    def open(self, desk: StoreJobDesk, hold: Hold, asked: OpenModelFile) -> ModelFileOpened:
        """Open the upload of a file; an empty one is written at once."""
        file = ModelFile(name=asked.name, size_bytes=asked.size_bytes, checksum=asked.checksum)
        return self._files.open(_folder(desk.held(hold)), file)

    def sign(self, desk: StoreJobDesk, hold: Hold, asked: SignModelParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        return self._files.sign(_folder(desk.held(hold)), asked)

    def complete(self, desk: StoreJobDesk, hold: Hold, asked: CompleteModelFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless."""
        self._files.complete(_folder(desk.held(hold)), asked)

    def abort(self, desk: StoreJobDesk, hold: Hold, asked: AbortModelFile) -> None:
        """Give an upload up and free its parts."""
        self._files.abort(_folder(desk.held(hold)), asked)

    def publish(self, desk: StoreJobDesk, hold: Hold, record: ModelRecord) -> None:
        """Write the record, whose creation publishes the model; repeating it after a lost reply is harmless.

        Raises:
            InputError: the record is not what the job's says, or its files are not there.
        """
        try:
            job = desk.held(hold)
        except LeaseLost:
            folder = keys.ModelFolder(hold.room_id, record.model_type, record.model_id)
            if keys.parse_model_key(folder.record) == folder and self._files.record(folder) == record:
                return
            raise
        folder = _folder(job)
        why_not = _why_not(record, job) or self._files.missing(folder, record.files)
        if why_not:
            raise InputError(message=f"Model {record.model_id[:64]} cannot be published: {why_not}.")
        self._objects.put(folder.record, record.model_dump_json(indent=1).encode(), Overwrite())


def _folder(job: Job) -> keys.ModelFolder:
    if job.state is not JobState.UPLOADING or job.model_id is None or job.model_type is None:
        raise InputError(message=f"Job {job.job_id} is {job.state}; it is not uploading a model.")
    return keys.ModelFolder(job.room_id, job.model_type, job.model_id)


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
