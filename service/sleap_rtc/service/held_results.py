"""Orchestration: predictions on their way to a room, from workers without credentials, and to its members.

Each call of a worker names a hold, which is looked at in the job's record every time; the folder follows from
that record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.inference import InferenceRequest
from sleap_rtc.events.jobs import JobState
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from sleap_rtc.events.api import FileDownload
    from sleap_rtc.events.job_desk import StoreJobDesk
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.model_files_api import ModelFileOpened
    from sleap_rtc.events.worker_api import AbortModelFile, CompleteModelFile, OpenModelFile, SignModelParts
    from sleap_rtc.service.held_files import HeldFiles
    from sleap_rtc.storage import keys


class NoResults(InputError):
    """Job {job_id} has no predictions to bring: {why}."""

    job_id: str
    why: str


class HeldResults:
    """The results of jobs. What a worker calls raises LeaseLost where it does not hold the job, and
    InputError where the job has not come to uploading predictions.

    Args:
        files: in the rooms bucket.
    """

    def __init__(self, files: HeldFiles) -> None:
        self._files = files

    def open(self, desk: StoreJobDesk, hold: Hold, asked: OpenModelFile) -> ModelFileOpened:
        """Open the upload of a file."""
        folder = _folder(desk.held(hold))
        if asked.size_bytes == 0:
            raise InputError(message=f"{asked.name} is empty, so it is no result.")
        return self._files.open(folder, asked.name, asked.size_bytes, asked.checksum)

    def sign(self, desk: StoreJobDesk, hold: Hold, asked: SignModelParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        return self._files.sign(_folder(desk.held(hold)), asked)

    def complete(self, desk: StoreJobDesk, hold: Hold, asked: CompleteModelFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless."""
        self._files.complete(_folder(desk.held(hold)), asked)

    def abort(self, desk: StoreJobDesk, hold: Hold, asked: AbortModelFile) -> None:
        """Give an upload up and free its parts."""
        self._files.abort(_folder(desk.held(hold)), asked)

    def offer(self, job: Job) -> list[FileDownload]:
        """Sign the downloads of what an inference made.

        Raises:
            NoResults: the job trains, has not ended, or ended without any.
            NotFound: the store has lost a file.
        """
        if why := _why_none(job):
            raise NoResults(job_id=job.job_id, why=why)
        return [self._files.offer(job.results_folder, file) for file in job.results]


def _folder(job: Job) -> keys.ResultsFolder:
    if job.state is not JobState.UPLOADING or not isinstance(job.request, InferenceRequest):
        raise InputError(message=f"Job {job.job_id} is {job.state}; it is not uploading predictions.")
    return job.results_folder


def _why_none(job: Job) -> str:
    if not isinstance(job.request, InferenceRequest):
        return "it trains, and ends with a model, which `sleap-rtc models pull` brings"
    if job.state is not JobState.PUBLISHED:
        return f"it is {job.state}"
    return ""
