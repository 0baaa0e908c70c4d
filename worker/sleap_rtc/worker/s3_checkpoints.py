"""Adapter: checkpoints in the rooms bucket, sent and fetched with the worker's own credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.checkpoints import Checkpoints
from sleap_rtc.storage.download_engine import RemoteObject
from sleap_rtc.storage.own_session import OwnSession

if TYPE_CHECKING:
    from sleap_rtc.events.checkpoints import Checkpoint
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.storage.keys import CheckpointFolder
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class S3Checkpoints:
    """Signs its own URLs.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers
        self._checkpoints = Checkpoints(objects)

    def find(self, hold: Hold) -> Checkpoint | None:
        """Return the newest checkpoint of a job."""
        return self._checkpoints.find(hold.room_id, hold.job_id)

    def source(self, hold: Hold, checkpoint: Checkpoint, file: ModelFile) -> RemoteObject:
        """Return how to download a file."""
        del hold
        key = checkpoint.folder.file(file.name)
        return RemoteObject(
            name=f"The checkpoint's file {file.name}",
            size_bytes=file.size_bytes,
            etag=self._objects.head(key).etag,
            checksum=file.checksum,
            signed_url=lambda: self._transfers.sign_get(key),
        )

    def open(self, folder: CheckpointFolder, file: ModelFile) -> OwnSession:
        """Open the upload of a file."""
        key = folder.file(file.name)
        return OwnSession.open(self._objects, self._transfers, key, file.size_bytes, file.checksum)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Let a checkpoint count."""
        self._checkpoints.keep(checkpoint)

    def discard(self, hold: Hold) -> None:
        """Remove what this holder brought."""
        self._checkpoints.discard(hold)
