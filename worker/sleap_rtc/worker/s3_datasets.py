"""Adapter: datasets of the uploads bucket, read with the worker's own credentials (`s3:GetObject`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.download_engine import RemoteObject
from sleap_rtc.storage.errors import Refused
from sleap_rtc.storage.unchanged import unchanged
from sleap_rtc.worker.dataset_source import title_of

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class S3Datasets:
    """Looks at the object itself and signs its own URLs.

    Args:
        objects: the uploads bucket.
        transfers: the same bucket, to sign the ranges.
    """

    def __init__(self, objects: S3ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

    def find(self, dataset: DatasetRef) -> RemoteObject:
        """Return how to download a dataset that lies in the uploads bucket."""
        prefix = f"s3://{self._objects.bucket}/uploads/"
        if not dataset.path.startswith(prefix):
            raise Refused(where="This worker", why=f"{dataset.path} is not in {prefix}")
        key = dataset.path.removeprefix(f"s3://{self._objects.bucket}/")
        found = unchanged(self._objects, key, dataset.etag, title_of(dataset))
        return RemoteObject(
            name=title_of(dataset),
            size_bytes=dataset.size_bytes,
            etag=found.etag,
            checksum=dataset.checksum,
            signed_url=lambda: self._transfers.sign_get(key),
        )
