"""Adapter: brings a job's dataset from S3 to this machine, verified, with the worker's own credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import NotFound, ObjectChanged, Refused
from sleap_rtc.storage.progress import ProgressHook, no_progress

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class S3Downloader:
    """Downloads datasets of the uploads bucket.

    Args:
        objects: the uploads bucket.
        transfers: the same bucket, to sign the ranges with the worker's role.
        threads: ranges under way at once.
    """

    def __init__(self, objects: S3ObjectStore, transfers: S3Transfers, threads: int = 4) -> None:
        self._objects = objects
        self._transfers = transfers
        self._threads = threads

    def download(self, dataset: DatasetRef, target: Path, on_progress: ProgressHook = no_progress) -> None:
        """Bring a dataset to `target`.

        Raises:
            Refused: the dataset does not lie in the uploads bucket.
            ObjectChanged: it was replaced or removed after its upload was completed.
            IntegrityError: its bytes do not have the checksum that the client computed.
            DiskFull: there is no room.
            TransferFailed: the store would not deliver.
        """
        prefix = f"s3://{self._objects.bucket}/uploads/"
        if not dataset.path.startswith(prefix):
            raise Refused(where="This worker", why=f"{dataset.path} is not in {prefix}")
        key = dataset.path.removeprefix(f"s3://{self._objects.bucket}/")
        what = f"The dataset {dataset.file_name}"
        try:
            found = self._objects.head(key)
        except NotFound as error:
            raise ObjectChanged(what=what, expected=f"ETag {dataset.etag}", found="nothing") from error
        if dataset.etag and found.etag != dataset.etag:
            raise ObjectChanged(what=what, expected=f"ETag {dataset.etag}", found=found.etag)
        source = RemoteObject(
            name=what,
            size_bytes=dataset.size_bytes,
            etag=found.etag,
            checksum=dataset.checksum,
            signed_url=lambda: self._transfers.sign_get(key),
        )
        download(source, target, threads=self._threads, on_progress=on_progress)
