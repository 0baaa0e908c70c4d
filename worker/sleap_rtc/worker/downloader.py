"""Adapter: brings a job's dataset from S3 to this machine, verified, with the worker's own credentials."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import NotFound, ObjectChanged, Refused
from sleap_rtc.storage.progress import ProgressHook, no_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.blob_cache import BlobCache
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
        download(self._source(dataset), target, threads=self._threads, on_progress=on_progress)

    @contextmanager
    def cached(self, dataset: DatasetRef, cache: BlobCache, say: Callable[[str], None]) -> Iterator[Path]:
        """Yield the path of a dataset, downloaded unless an earlier job left it here.

        The store is asked either way: a dataset that was replaced there is refused though its bytes are here.

        Args:
            dataset: what is wanted.
            cache: where it is kept.
            say: told in a line what is done.

        Raises:
            What `download` raises.
        """
        source = self._source(dataset)
        what = f"{dataset.file_name}, {dataset.size_bytes:,} bytes"
        hit = True

        def fetch(target: Path) -> None:
            nonlocal hit
            hit = False
            say(f"downloading {what}")
            download(source, target, threads=self._threads)
            say(f"verified {dataset.checksum}")

        with cache.use(BlobId(dataset.checksum, dataset.size_bytes), fetch) as path:
            if hit:
                say(f"cache hit: {what}, {dataset.checksum}")
            yield path

    def _source(self, dataset: DatasetRef) -> RemoteObject:
        """Ask the store whether the dataset is still the one that was uploaded."""
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
        return RemoteObject(
            name=what,
            size_bytes=dataset.size_bytes,
            etag=found.etag,
            checksum=dataset.checksum,
            signed_url=lambda: self._transfers.sign_get(key),
        )
