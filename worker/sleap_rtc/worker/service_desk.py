"""Adapter: the job desk through the service, for a worker without credentials for S3."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from sleap_rtc.events.job_reports import Advanced, Failed, Finished
from sleap_rtc.events.job_samples import check_sample
from sleap_rtc.events.jobs import Job
from sleap_rtc.events.usage_reports import ReportWorkerUsage
from sleap_rtc.events.worker_api import (
    LARGEST_LOG_CHARACTERS,
    Acknowledged,
    CheckIn,
    ClaimJob,
    ReportJob,
    WorkerTerms,
    WriteLog,
    WriteProgress,
    WriteSample,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.events.job_reports import Hold, Report
    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.events.workers import WorkerView
    from sleap_rtc.storage.usage import Usage

PATIENT_TRIES = 20
"""With pauses that grow by half a second, that outlasts a service which is away for a minute and a half."""


class ServiceDesk:
    """Claims jobs of any room that the token has the right to write in, and reports on them.

    A step of a job, which may be the end of hours of training, is told again for as long as a service takes
    that is being replaced; all else comes round by itself.
    """

    def __init__(self, service: ServiceHttp) -> None:
        self._service = service

    def terms(self, room_id: str) -> WorkerTerms:
        """Return what a worker of this room has to keep to.

        Raises:
            NotFound: there is no such room, or the token has no part in it.
            Refused: the token is not valid, or may only read.
        """
        return self._service.ask("GET", f"{_room(room_id)}/worker-terms", WorkerTerms)

    def claim(self, room_id: str, job_id: str, worker_id: str, event: str) -> Job:
        """Give a job to a worker."""
        body = ClaimJob(worker_id=worker_id, event=event)
        return self._service.ask("POST", f"{_job(room_id, job_id)}/claim", Job, body)

    def report(self, hold: Hold, report: Report) -> Job:
        """Change a job as its holder says."""
        body = ReportJob(fencing=hold.fencing, report=report)
        path = f"{_job(hold.room_id, hold.job_id)}/report"
        if isinstance(report, Advanced | Failed | Finished):
            return self._service.ask("POST", path, Job, body, tries=PATIENT_TRIES)
        return self._service.ask("POST", path, Job, body)

    def look(self, hold: Hold) -> Job:
        """Return the job while it is still the holder's."""
        path = f"{_job(hold.room_id, hold.job_id)}/hold?fencing={hold.fencing}"
        return self._service.ask("GET", path, Job)

    def write_log(self, hold: Hold, segment: int, text: str) -> None:
        """Keep a piece of the job's log; of a flood the end."""
        text = text[-LARGEST_LOG_CHARACTERS:]
        body = WriteLog(fencing=hold.fencing, segment=segment, text=text)
        self._service.ask("POST", f"{_job(hold.room_id, hold.job_id)}/log", Acknowledged, body)

    def write_progress(self, hold: Hold, seq: int, text: str) -> None:
        """Keep events of the hold's run; what did not get through is part of the next piece."""
        body = WriteProgress(fencing=hold.fencing, seq=seq, text=text)
        self._service.ask("POST", f"{_job(hold.room_id, hold.job_id)}/live", Acknowledged, body, tries=1)

    def write_sample(self, hold: Hold, name: str, content: bytes) -> None:
        """Keep a picture that the trainer drew."""
        check_sample(name, content)
        body = WriteSample(fencing=hold.fencing, name=name, content=base64.b64encode(content))
        self._service.ask("POST", f"{_job(hold.room_id, hold.job_id)}/samples", Acknowledged, body)

    def write_usage(self, hold: Hold, began: datetime, usage: Usage, idle: Usage) -> None:
        """Keep what this worker used; a word that is lost is missed by nobody but the bill's reader."""
        body = ReportWorkerUsage(fencing=hold.fencing, began=began, usage=usage, idle=idle)
        self._service.ask("POST", f"{_job(hold.room_id, hold.job_id)}/worker-usage", Acknowledged, body)

    def check_in(self, view: WorkerView) -> None:
        """Say that a worker is there."""
        body = CheckIn(
            kind=view.kind,
            trainer=view.trainer,
            started_at=view.started_at,
            until=view.until,
            job_id=view.job_id,
            peer_id=view.peer_id,
            models=view.models,
            gpu=view.gpu,
        )
        self._service.ask("PUT", f"{_room(view.room_id)}/workers/{quote(view.worker_id)}", Acknowledged, body)


def _room(room_id: str) -> str:
    return f"/api/rooms/{quote(room_id)}"


def _job(room_id: str, job_id: str) -> str:
    return f"{_room(room_id)}/jobs/{quote(job_id)}"
