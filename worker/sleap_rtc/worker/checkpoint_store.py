"""Pure: the port through which a worker brings checkpoints to its room and back, whoever signs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sleap_rtc.events.checkpoints import Checkpoint
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.storage.download_engine import RemoteObject
    from sleap_rtc.storage.file_upload import FileUpload
    from sleap_rtc.storage.keys import CheckpointFolder
    from sleap_rtc.storage.manifest import ModelFile


class CheckpointStore(Protocol):
    """Where they go. Every method may raise Unreachable, Refused, and LeaseLost where somebody looks."""

    def find(self, hold: Hold) -> Checkpoint | None:
        """Return the newest checkpoint of a held job, an earlier holder's too.

        Raises:
            DocumentUnreadable: its record is damaged.
        """

    def source(self, hold: Hold, checkpoint: Checkpoint, file: ModelFile) -> RemoteObject:
        """Return how to download one of its files. Raises NotFound."""

    def open(self, folder: CheckpointFolder, file: ModelFile) -> FileUpload:
        """Open the upload of a file, which is not empty."""

    def keep(self, checkpoint: Checkpoint) -> None:
        """Let a checkpoint count, after all its files. Raises LeaseLost where a later holder has one."""

    def discard(self, hold: Hold) -> None:
        """Remove what this holder brought; the job was cancelled."""
