"""Adapter: datasets for a worker without credentials of the store: the service signs their URLs.

The worker names a room and an upload id, never a bucket or key; the service looks at the object before it
signs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.api import FileDownload, RequestDownload
from sleap_rtc.storage.download_engine import RemoteObject
from sleap_rtc.storage.errors import NotFound, Refused
from sleap_rtc.storage.keys import parse_upload_key
from sleap_rtc.storage.unchanged import check_etag
from sleap_rtc.worker.dataset_source import title_of

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.storage.keys import UploadKey


class ServiceDatasets:
    """Asks the service with the worker's token, which has to be that of a member of the room."""

    def __init__(self, service: ServiceHttp) -> None:
        self._service = service

    def find(self, dataset: DatasetRef) -> RemoteObject:
        """Return how to download the dataset of an upload."""
        upload = parse_upload_key(dataset.path.removeprefix("s3://").partition("/")[2])
        if upload is None:
            raise Refused(where="This worker", why=f"{dataset.path} is not the dataset of an upload")
        offer = self._offer(upload)
        check_etag(offer.etag, dataset.etag, title_of(dataset))
        first = iter([offer.url])
        return RemoteObject(
            name=title_of(dataset),
            size_bytes=dataset.size_bytes,
            etag=offer.etag,
            checksum=dataset.checksum,
            signed_url=lambda: next(first, None) or self._offer(upload).url,
        )

    def _offer(self, upload: UploadKey) -> FileDownload:
        wanted = RequestDownload(room_id=upload.room_id, upload_id=upload.upload_id)
        try:
            return self._service.ask("POST", "/api/request-download", FileDownload, wanted)
        except NotFound as missing:
            raise Refused(where=f"The service at {self._service.url}", why=str(missing)) from missing
