"""Orchestration: checkpoints on their way to a room and back, for holders of jobs without credentials for S3.

Each call names a hold, which is looked at in the job's record every time. A checkpoint that is found may be
of an earlier holder; what is sent goes into the caller's own slots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.api import FileDownload
from sleap_rtc.events.checkpoint_api import FoundCheckpoint
from sleap_rtc.events.checkpoints import Checkpoints
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import combine, from_header, to_header
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.s3_transfers import MultipartUpload
from sleap_rtc.storage.upload_session import PartToSign, SentPart

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    from sleap_rtc.events.model_files_api import OfOpenFile
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
        self._transfers = transfers
        self._checkpoints = Checkpoints(objects)

    def open(self, desk: StoreJobDesk, hold: Hold, asked: OpenCheckpointFile) -> ModelFileOpened:
        """Open the upload of a file."""
        desk.held(hold)
        key = _folder(hold, asked).file(asked.name)
        session = OwnSession.open(self._objects, self._transfers, key, asked.size_bytes, asked.checksum)
        opened = session.upload
        return ModelFileOpened(s3_upload_id=opened.s3_upload_id, whole_checksum=opened.whole_checksum)

    def sign(self, desk: StoreJobDesk, hold: Hold, asked: SignCheckpointParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        desk.held(hold)
        parts = [PartToSign(part.number, part.length, from_header(part.checksum)) for part in asked.parts]
        return dict(self._session(_folder(hold, asked), asked).sign(parts))

    def complete(self, desk: StoreJobDesk, hold: Hold, asked: CompleteCheckpointFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless.

        Raises:
            IntegrityError: the parts do not make up the file that was announced.
            NotFound: the upload is gone.
        """
        desk.held(hold)
        sent = [SentPart(p.number, p.length, from_header(p.checksum), p.etag) for p in asked.parts]
        crc = combine((part.crc, part.length) for part in sent)
        if to_header(crc) != asked.checksum:
            raise IntegrityError(what=asked.name, expected=asked.checksum, found=to_header(crc))
        size_bytes = sum(part.length for part in sent)
        folder = _folder(hold, asked)
        session = self._session(folder, asked, size_bytes, whole_checksum=asked.whole_checksum)
        session.complete(sent, crc)

    def abort(self, desk: StoreJobDesk, hold: Hold, asked: AbortCheckpointFile) -> None:
        """Give an upload up and free its parts."""
        desk.held(hold)
        self._session(_folder(hold, asked), asked).abort()

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
            key = checkpoint.folder.file(file.name)
            try:
                etag = self._objects.head(key).etag
            except NotFound:
                continue
            yield FileDownload(
                name=file.name,
                size_bytes=file.size_bytes,
                checksum=file.checksum,
                etag=etag,
                url=self._transfers.sign_get(key),
            )

    def _session(
        self,
        folder: keys.CheckpointFolder,
        asked: OfOpenFile,
        size_bytes: int = 0,
        *,
        whole_checksum: bool = True,
    ) -> OwnSession:
        upload = MultipartUpload(asked.s3_upload_id, whole_checksum)
        return OwnSession(self._objects, self._transfers, folder.file(asked.name), upload, size_bytes)


def _folder(hold: Hold, asked: OfCheckpoint) -> keys.CheckpointFolder:
    return keys.CheckpointFolder(hold.room_id, hold.job_id, hold.fencing, asked.slot)
