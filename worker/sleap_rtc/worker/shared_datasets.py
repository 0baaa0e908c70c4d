"""Adapter: datasets of the folder that clients and this worker both see, read where they lie; others are
brought."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sleap_rtc.events.shared_dataset import checked_shared_path
from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.file_checksum import crc_of_file
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.transfer_hold import TransferHold
from sleap_rtc.storage.transfer_record import TransferRecord
from sleap_rtc.worker.errors import DatasetNotHere, SharedDatasetChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.stop_signal import StopSignal
    from sleap_rtc.worker.attempt_ports import DatasetBringer


class SharedDatasets:
    """Finds datasets (`DatasetBringer`).

    Args:
        folder: that is shared; None where none is.
        others: brings what does not lie in it.
        traffic: is told of the bytes that are read there.
    """

    def __init__(self, folder: Path | None, others: DatasetBringer, traffic: Traffic = SILENT) -> None:
        self._folder = folder
        self._traffic = traffic.by("shared").of("dataset")
        self._others = others

    @contextmanager
    def cached(
        self,
        dataset: DatasetRef,
        cache: BlobCache,
        say: Callable[[str], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> Iterator[Path]:
        """Yield the path of a dataset.

        Raises:
            DatasetNotHere: this worker sees no such file.
            SharedDatasetChanged: it is another one than the client saw.
            TransferCancelled: somebody cancelled the job while it was read.
            What the other datasets' bringer raises.
        """
        if dataset.type != "local":
            with self._others.cached(dataset, cache, say, hold, on_progress) as brought:
                yield brought
            return
        path = self._find(dataset)
        say(f"reading {dataset.path} in the shared folder, {dataset.size_bytes:,} bytes")

        def read(stop: StopSignal) -> tuple[int, int]:
            return crc_of_file(path, on_progress, stop)

        try:
            with TransferRecord("download", self._traffic) as record:
                crc, size_bytes = (hold or TransferHold()).carry(dataset.file_name, read)
                record.moved_bytes = size_bytes
        except OSError as error:
            raise DatasetNotHere(path=dataset.path, why=error.strerror or str(error)) from error
        if (to_text(crc), size_bytes) != (dataset.checksum, dataset.size_bytes):
            raise SharedDatasetChanged(path=dataset.path)
        say(f"verified {dataset.checksum}")
        self._traffic.moved("download", size_bytes)
        yield path

    def _find(self, dataset: DatasetRef) -> Path:
        if self._folder is None:
            raise DatasetNotHere(path=dataset.path, why="it shares no folder with anybody (shared_dir)")
        try:
            path = self._folder / checked_shared_path(dataset.path)
            inside = path.resolve().is_relative_to(self._folder.resolve())
        except (ValueError, OSError) as error:
            raise DatasetNotHere(path=dataset.path, why=str(error)) from error
        if not inside:
            raise DatasetNotHere(path=dataset.path, why="it leads out of the shared folder")
        return path
