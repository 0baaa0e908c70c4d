"""Orchestration: checkpoints on their way to a room and back, for holders of jobs without credentials for S3.

Each call names a hold, which is looked at in the job's record every time. A checkpoint that is found may be
of an earlier holder; what is sent goes into the caller's own slots.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.events.checkpoint_api import FoundCheckpoint
from sleap_rtc.events.checkpoints import Checkpoints
from sleap_rtc.service.held_files import HeldFiles
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.events.api import FileDownload
    from sleap_rtc.events.checkpoint_api import (
        AbortCheckpointFile,
        CompleteCheckpointFile,
        OfCheckpoint,
        OpenCheckpointFile,
        SignCheckpointParts,
    )
    from sleap_rtc.events.checkpoints import Checkpoint
    from sleap_rtc.events.job_desk import StoreJobDesk
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.model_files_api import ModelFileOpened
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class HeldCheckpoints:
    """The checkpoints of jobs that are held. Every method raises LeaseLost where the caller does not hold the
    job.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._files = HeldFiles(objects, transfers)
        self._checkpoints = Checkpoints(objects)

    def open(self, desk: StoreJobDesk, hold: Hold, asked: OpenCheckpointFile) -> ModelFileOpened:
        """Open the upload of a file."""
        desk.held(hold)
        return self._files.open(_folder(hold, asked), asked.name, asked.size_bytes, asked.checksum)

    def sign(self, desk: StoreJobDesk, hold: Hold, asked: SignCheckpointParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        desk.held(hold)
        return self._files.sign(_folder(hold, asked), asked)

    def complete(self, desk: StoreJobDesk, hold: Hold, asked: CompleteCheckpointFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless.

        Raises:
            IntegrityError: the parts do not make up the file that was announced.
            NotFound: the upload is gone.
        """
        desk.held(hold)
        self._files.complete(_folder(hold, asked), asked)

    def abort(self, desk: StoreJobDesk, hold: Hold, asked: AbortCheckpointFile) -> None:
        """Give an upload up and free its parts."""
        desk.held(hold)
        self._files.abort(_folder(hold, asked), asked)

    def keep(self, desk: StoreJobDesk, hold: Hold, checkpoint: Checkpoint) -> None:
        """Let a checkpoint count; repeating it after a lost reply is harmless.

        Raises:
            InputError: it is not of this hold, or its files are not there.
        """
        desk.held(hold)
        if (checkpoint.room_id, checkpoint.job_id, checkpoint.fencing) != (
            hold.room_id,
            hold.job_id,
            hold.fencing,
        ):
            raise InputError(message=f"The checkpoint is not one of this hold of job {hold.job_id}.")
        for file in checkpoint.files:
            try:
                found = self._objects.head(checkpoint.folder.file(file.name))
            except NotFound:
                raise InputError(message=f"The checkpoint's file {file.name[:128]} is not there.") from None
            if found.size_bytes != file.size_bytes:
                raise InputError(message=f"The checkpoint's file {file.name[:128]} has another size.")
        self._checkpoints.keep(checkpoint)

    def find(self, desk: StoreJobDesk, hold: Hold) -> FoundCheckpoint:
        """Return the checkpoint that the job can go on from, with URLs that read its files."""
        desk.held(hold)
        found = self._checkpoints.find(hold.room_id, hold.job_id)
        if found is None or (found.room_id, found.job_id) != (hold.room_id, hold.job_id):
            return FoundCheckpoint()
        return FoundCheckpoint(checkpoint=found, files=list(self._offers(found)))

    def _offers(self, checkpoint: Checkpoint) -> Iterator[FileDownload]:
        for file in checkpoint.files:
            with suppress(NotFound):
                yield self._files.offer(checkpoint.folder, file)


def _folder(hold: Hold, asked: OfCheckpoint) -> keys.CheckpointFolder:
    return keys.CheckpointFolder(hold.room_id, hold.job_id, hold.fencing, asked.slot)
