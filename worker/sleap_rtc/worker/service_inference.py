"""Adapter: models and predictions through the service, which signs for them; the bytes go straight to S3 and
from it.

The worker names the job that it holds, or a model, and a file; never a bucket or key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sleap_rtc.events.api import FileDownload, ModelDownload, RequestDownload
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.worker_api import OpenModelFile
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.service_desk import PATIENT_TRIES
from sleap_rtc.worker.service_models import ServiceFileUpload

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.events.inference import FixedModel
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.storage.manifest import ModelFile


class ServiceRoomModels:
    """Asks the service with the worker's token, which has to be that of a member of the room."""

    def __init__(self, service: ServiceHttp, traffic: Traffic = SILENT) -> None:
        self._service = service
        self._traffic = traffic.of("model")

    def bring(self, room_id: str, model: FixedModel, folder: Path) -> Path:
        """Bring a model's files."""
        place = model.folder(room_id)
        target = folder / f"{model.model_type}_{model.model_id}"
        for offer in self._offers(room_id, model):
            place.file(offer.name)  # refuses a name that leads elsewhere
            source = self._source(room_id, model, offer)
            download(source, target / offer.name, traffic=self._traffic)
        return target

    def _source(self, room_id: str, model: FixedModel, offer: FileDownload) -> RemoteObject:
        first = iter([offer.url])
        return RemoteObject(
            name=f"The model file {offer.name}",
            size_bytes=offer.size_bytes,
            etag=offer.etag,
            checksum=offer.checksum,
            signed_url=lambda: next(first, None) or self._again(room_id, model, offer.name).url,
        )

    def _offers(self, room_id: str, model: FixedModel) -> list[FileDownload]:
        wanted = RequestDownload(room_id=room_id, model=model.model_id)
        return self._service.ask("POST", "/api/request-download", ModelDownload, wanted).files

    def _again(self, room_id: str, model: FixedModel, name: str) -> FileDownload:
        found = next((each for each in self._offers(room_id, model) if each.name == name), None)
        if found is None:
            raise NotFound(what=f"file {name} of model {model.model_id}")
        return found


class ServiceResults:
    """Asks the service with the worker's token; it has to hold the job."""

    def __init__(self, service: ServiceHttp) -> None:
        self._service = service

    def open(self, hold: Hold, file: ModelFile) -> ServiceFileUpload:
        """Open the upload of a file."""
        path = f"/api/rooms/{quote(hold.room_id)}/jobs/{quote(hold.job_id)}/results"
        body = OpenModelFile(
            fencing=hold.fencing, name=file.name, size_bytes=file.size_bytes, checksum=file.checksum
        )
        opened = self._service.ask("POST", f"{path}/open", ModelFileOpened, body, tries=PATIENT_TRIES)
        return ServiceFileUpload(self._service, path, hold.fencing, file.name, opened)
