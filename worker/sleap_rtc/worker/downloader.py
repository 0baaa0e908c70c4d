"""Orchestration: brings a job's dataset from S3 to this machine, verified, whoever signs for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sleap_rtc.storage.bandwidth import BandwidthLimit, Throttle
from sleap_rtc.storage.blob_id import BlobId
from sleap_rtc.storage.download_engine import download
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_hold import TransferHold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.stop_signal import StopSignal
    from sleap_rtc.worker.dataset_source import DatasetSource


class S3Downloader:
    """Downloads datasets of the uploads bucket.

    Args:
        source: finds them; with the worker's own credentials, or through the service.
        threads: ranges under way at once.
        bandwidth_limit: bytes per second that all of them together may take; 0 for no limit.
        traffic: is told of requests and bytes.
    """

    def __init__(
        self,
        source: DatasetSource,
        threads: int = 4,
        bandwidth_limit: int = 0,
        traffic: Traffic = SILENT,
    ) -> None:
        self._source = source
        self._threads = threads
        self._traffic = traffic.of("dataset")
        self._throttle = Throttle(BandwidthLimit(bandwidth_limit)) if bandwidth_limit else None

    def download(self, dataset: DatasetRef, target: Path, on_progress: ProgressHook = no_progress) -> None:
        """Bring a dataset to `target`.

        Raises:
            Refused: the dataset does not lie in the uploads bucket, or this worker may not read it.
            ObjectChanged: it was replaced or removed after its upload was completed.
            IntegrityError: its bytes do not have the checksum that the client computed.
            DiskFull: there is no room.
            TransferFailed: the store would not deliver.
        """
        source = self._source.find(dataset)
        download(
            source,
            target,
            threads=self._threads,
            throttle=self._throttle,
            on_progress=on_progress,
            traffic=self._traffic,
        )

    @contextmanager
    def cached(
        self,
        dataset: DatasetRef,
        cache: BlobCache,
        say: Callable[[str], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> Iterator[Path]:
        """Yield the path of a dataset, downloaded unless an earlier job left it here.

        The store is asked either way: a dataset that was replaced there is refused though its bytes are here.

        Args:
            dataset: what is wanted.
            cache: where it is kept.
            say: told in a line what is done.
            hold: holds a download, or ends it.
            on_progress: told how far a download is.

        Raises:
            TransferCancelled: somebody cancelled it.
            What `download` raises.
        """
        source = self._source.find(dataset)
        what = f"{dataset.file_name}, {dataset.size_bytes:,} bytes"
        hit = True

        def fetch(target: Path) -> None:
            nonlocal hit
            hit = False
            say(f"downloading {what}")

            def go_on(stop: StopSignal) -> None:
                download(
                    source,
                    target,
                    threads=self._threads,
                    throttle=self._throttle,
                    on_progress=on_progress,
                    stop=stop,
                    traffic=self._traffic,
                )

            (hold or TransferHold()).carry(dataset.file_name, go_on)
            say(f"verified {dataset.checksum}")

        with cache.use(BlobId(dataset.checksum, dataset.size_bytes), fetch) as path:
            if hit:
                say(f"cache hit: {what}, {dataset.checksum}")
            yield path
