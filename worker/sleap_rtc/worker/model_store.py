"""Pure: the port through which a worker sends a model to its room, whoever signs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sleap_rtc.storage.upload_session import UploadSession

if TYPE_CHECKING:
    from sleap_rtc.storage.manifest import ModelFile, ModelRecord


class FileUpload(UploadSession, Protocol):
    """The open upload of one file."""

    def abort(self) -> None:
        """Give it up and free its parts."""


class ModelStore(Protocol):
    """Where models go. Every method may raise Unreachable, Refused, and LeaseLost where somebody looks."""

    def open(self, record: ModelRecord, file: ModelFile) -> FileUpload:
        """Open the upload of a file of this model, which is not empty."""

    def put_empty(self, record: ModelRecord, file: ModelFile) -> None:
        """Write a file of this model that has no bytes."""

    def publish(self, record: ModelRecord) -> None:
        """Write the record, after all files; its creation publishes the model."""
