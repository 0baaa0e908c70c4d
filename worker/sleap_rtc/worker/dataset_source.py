"""Pure: the port through which a worker finds the dataset of a job, whoever signs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import DatasetRef
    from sleap_rtc.storage.download_engine import RemoteObject


class DatasetSource(Protocol):
    """Where datasets come from."""

    def find(self, dataset: DatasetRef) -> RemoteObject:
        """Ask the store whether a dataset is still the one that was uploaded, and return how to download it.

        Raises:
            ObjectChanged: it was replaced or removed after its upload was completed.
            Refused: it is no dataset that this worker may read.
            Unreachable: nobody answers.
        """


def title_of(dataset: DatasetRef) -> str:
    """Return how a dataset is called in messages."""
    return f"The dataset {dataset.file_name}"
