"""Pure: the ports of an attempt: what brings its dataset, and what takes its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sleap_rtc.storage.progress import ProgressHook, no_progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.blob_cache import BlobCache
    from sleap_rtc.storage.manifest import ModelFile, ModelRecord
    from sleap_rtc.storage.transfer_hold import TransferHold
    from sleap_rtc.worker.trained_model import TrainedModel


class DatasetBringer(Protocol):
    """Brings datasets, from wherever they are."""

    def cached(
        self,
        dataset: DatasetRef,
        cache: BlobCache,
        say: Callable[[str], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> AbstractContextManager[Path]:
        """Yield the path of a dataset, brought here unless an earlier job left it.

        Raises:
            TransferCancelled: somebody cancelled it.
            IntegrityError: its bytes are not those that were sent.
            DiskFull: there is no room.
            TransferFailed, Unreachable: it did not come.
        """


class ModelTaker(Protocol):
    """Takes models, to wherever they are kept."""

    def describe(self, trained: TrainedModel) -> ModelRecord:
        """Return the record of a model. Raises TrainingFailed where a room would not take it."""

    def send(
        self,
        folder: Path,
        record: ModelRecord,
        on_file: Callable[[ModelFile], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> None:
        """Take every file and then the record.

        Raises:
            TransferCancelled: somebody cancelled it.
            FileChanged, TransferFailed, LeaseLost: it cannot be taken.
        """
