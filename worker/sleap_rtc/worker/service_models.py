"""Adapter: models through the service, which signs their parts; the bytes go straight to S3.

The worker names the job that it holds and a file, never a bucket or key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sleap_rtc.events.api import PartToSignView, SentPartView, SignedParts
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.worker_api import (
    AbortModelFile,
    Acknowledged,
    CompleteModelFile,
    OpenModelFile,
    PublishModel,
    SignModelParts,
)
from sleap_rtc.storage.checksum import to_header
from sleap_rtc.worker.service_desk import PATIENT_TRIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.storage.manifest import ModelFile, ModelRecord
    from sleap_rtc.storage.upload_session import PartToSign, SentPart


class ServiceModels:
    """Asks the service with the worker's token; it has to hold the job that made the model."""

    def __init__(self, service: ServiceHttp) -> None:
        self._service = service

    def open(self, record: ModelRecord, file: ModelFile) -> ServiceFileUpload:
        """Open the upload of a file."""
        opened = self._opened(record, file)
        return ServiceFileUpload(self._service, _files(record), record.fencing, file.name, opened)

    def put_empty(self, record: ModelRecord, file: ModelFile) -> None:
        """Write an empty file."""
        self._opened(record, file)

    def _opened(self, record: ModelRecord, file: ModelFile) -> ModelFileOpened:
        body = OpenModelFile(
            fencing=record.fencing, name=file.name, size_bytes=file.size_bytes, checksum=file.checksum
        )
        path = f"{_files(record)}/open"
        return self._service.ask("POST", path, ModelFileOpened, body, tries=PATIENT_TRIES)

    def publish(self, record: ModelRecord) -> None:
        """Write the record."""
        body = PublishModel(fencing=record.fencing, record=record)
        self._service.ask("POST", f"{_job(record)}/model", Acknowledged, body, tries=PATIENT_TRIES)


class ServiceFileUpload:
    """One open upload at the service."""

    def __init__(
        self, service: ServiceHttp, path: str, fencing: int, name: str, opened: ModelFileOpened
    ) -> None:
        self._service = service
        self._path = path
        self._fencing = fencing
        self._name = name
        self._opened = opened

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        asked = [PartToSignView.of_part(part) for part in parts]
        body = SignModelParts(
            fencing=self._fencing, name=self._name, s3_upload_id=self._opened.s3_upload_id, parts=asked
        )
        return self._service.ask("POST", f"{self._path}/sign-parts", SignedParts, body).urls

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts."""
        listed = [SentPartView.of_sent(part) for part in parts]
        body = CompleteModelFile(
            fencing=self._fencing,
            name=self._name,
            s3_upload_id=self._opened.s3_upload_id,
            whole_checksum=self._opened.whole_checksum,
            checksum=to_header(crc),
            parts=listed,
        )
        self._service.ask("POST", f"{self._path}/complete", Acknowledged, body, tries=PATIENT_TRIES)

    def abort(self) -> None:
        """Give the upload up."""
        body = AbortModelFile(fencing=self._fencing, name=self._name, s3_upload_id=self._opened.s3_upload_id)
        self._service.ask("POST", f"{self._path}/abort", Acknowledged, body)


def _job(record: ModelRecord) -> str:
    return f"/api/rooms/{quote(record.room_id)}/jobs/{quote(record.job_id)}"


def _files(record: ModelRecord) -> str:
    return f"{_job(record)}/model-files"
