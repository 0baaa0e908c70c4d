"""Pure: the port through which a worker sends a model to its room, whoever signs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sleap_rtc.storage.file_upload import FileUpload
    from sleap_rtc.storage.manifest import ModelFile, ModelRecord


class ModelStore(Protocol):
    """Where models go. Every method may raise Unreachable, Refused, and LeaseLost where somebody looks."""

    def open(self, record: ModelRecord, file: ModelFile) -> FileUpload:
        """Open the upload of a file of this model, which is not empty."""

    def put_empty(self, record: ModelRecord, file: ModelFile) -> None:
        """Write a file of this model that has no bytes."""

    def publish(self, record: ModelRecord) -> None:
        """Write the record, after all files; its creation publishes the model."""
