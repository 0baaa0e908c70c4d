"""Orchestration: tells people without credentials which datasets a room has, and signs their downloads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.api import DatasetView, FileDownload
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, NotFound

if TYPE_CHECKING:
    from sleap_rtc.events.dataset_index import DatasetIndex
    from sleap_rtc.storage.s3_transfers import S3Transfers


class Datasets:
    """The datasets of all rooms.

    Args:
        index: which there are.
        transfers: the uploads bucket, to sign downloads.
    """

    def __init__(self, index: DatasetIndex, transfers: S3Transfers) -> None:
        self._index = index
        self._transfers = transfers

    def list(self, room_id: str, size_bytes: int | None) -> list[DatasetView]:
        """Return the room's datasets that new jobs may be made of, of one size or all."""
        now = datetime.now(UTC)
        return [
            DatasetView(
                upload_id=record.upload_id,
                file_name=record.file_name,
                size_bytes=record.size_bytes,
                checksum=record.checksum,
                path=f"s3://{self._transfers.bucket}/{keys.UploadKey(room_id, record.upload_id)}",
            )
            for record in self._index.present(room_id, size_bytes)
            if record.takes_jobs(now)
        ]

    def offer(self, room_id: str, upload_id: str) -> FileDownload:
        """Sign the download of a dataset.

        Raises:
            NotFound: the room has no such upload, or it is not complete.
            ObjectChanged: the dataset was replaced or removed after its upload was completed.
        """
        upload = _upload_in(room_id, upload_id)
        record = self._index.get(upload)
        return FileDownload(
            name=record.file_name,
            size_bytes=record.size_bytes,
            checksum=record.checksum,
            etag=record.etag,
            url=self._transfers.sign_get(str(upload)),
        )


def _upload_in(room_id: str, upload_id: str) -> keys.UploadKey:
    missing = NotFound(what=f"upload {upload_id}")
    try:
        upload = keys.parse_upload_id(upload_id)
    except InputError:
        raise missing from None
    if upload.room_id != room_id:
        raise missing
    return upload
