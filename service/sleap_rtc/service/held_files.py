"""Orchestration: files on their way to a folder of a job and back, for holders without credentials for S3.

Nothing is kept between two calls. Whoever stands on this has looked whether the caller holds the job; no key
ever comes from a caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events.api import FileDownload
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.storage.checksum import combine, from_header, to_header
from sleap_rtc.storage.errors import IntegrityError
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.s3_transfers import MultipartUpload
from sleap_rtc.storage.upload_session import PartToSign, SentPart

if TYPE_CHECKING:
    from sleap_rtc.events.model_files_api import AbortFile, CompleteFile, OfOpenFile, SignFileParts
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class Folder(Protocol):
    """A folder of a job."""

    def file(self, name: str) -> str:
        """Return the key of one of its files. Raises InputError where that is no plain file name."""


class HeldFiles:
    """Files in folders of jobs.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

    def open(self, folder: Folder, name: str, size_bytes: int, checksum: str) -> ModelFileOpened:
        """Open the upload of a file that is not empty."""
        key = folder.file(name)
        opened = OwnSession.open(self._objects, self._transfers, key, size_bytes, checksum).upload
        return ModelFileOpened(s3_upload_id=opened.s3_upload_id, whole_checksum=opened.whole_checksum)

    def sign(self, folder: Folder, asked: SignFileParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        parts = [PartToSign(part.number, part.length, from_header(part.checksum)) for part in asked.parts]
        return dict(self._session(folder, asked).sign(parts))

    def complete(self, folder: Folder, asked: CompleteFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless.

        Raises:
            IntegrityError: the parts do not make up the file that was announced.
            NotFound: the upload is gone.
        """
        sent = [SentPart(p.number, p.length, from_header(p.checksum), p.etag) for p in asked.parts]
        crc = combine((part.crc, part.length) for part in sent)
        if to_header(crc) != asked.checksum:
            raise IntegrityError(what=asked.name, expected=asked.checksum, found=to_header(crc))
        size_bytes = sum(part.length for part in sent)
        session = self._session(folder, asked, size_bytes, whole_checksum=asked.whole_checksum)
        session.complete(sent, crc)

    def abort(self, folder: Folder, asked: AbortFile) -> None:
        """Give an upload up and free its parts."""
        self._session(folder, asked).abort()

    def offer(self, folder: Folder, file: ModelFile) -> FileDownload:
        """Sign the download of a file. Raises NotFound."""
        key = folder.file(file.name)
        return FileDownload(
            name=file.name,
            size_bytes=file.size_bytes,
            checksum=file.checksum,
            etag=self._objects.head(key).etag,
            url=self._transfers.sign_get(key),
        )

    def _session(
        self, folder: Folder, asked: OfOpenFile, size_bytes: int = 0, *, whole_checksum: bool = True
    ) -> OwnSession:
        upload = MultipartUpload(asked.s3_upload_id, whole_checksum)
        return OwnSession(self._objects, self._transfers, folder.file(asked.name), upload, size_bytes)
