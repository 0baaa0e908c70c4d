"""Orchestration: files of models on their way to a room, for callers that have no credentials for S3.

Nothing is kept between two calls. Whoever stands on this has looked whether the caller may write in the
folder that he names; no key ever comes from a caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.storage.checksum import combine, from_header, to_header, to_text
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound
from sleap_rtc.storage.manifest import ModelFile, ModelRecord
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.own_session import CHECKSUM, OwnSession
from sleap_rtc.storage.s3_transfers import MultipartUpload
from sleap_rtc.storage.upload_session import PartToSign, SentPart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sleap_rtc.events.model_files_api import AbortFile, CompleteFile, OfOpenFile, SignFileParts
    from sleap_rtc.storage.keys import ModelFolder
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class ModelFiles:
    """The files in models' folders.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

    def open(self, folder: ModelFolder, file: ModelFile) -> ModelFileOpened:
        """Open the upload of a file; an empty one is written at once.

        Raises:
            InputError: it is no name that a model's file can have, or a model with this id is published and
                has other files.
        """
        key = _key(folder, file.name)
        self._check_published(folder, file)
        if file.size_bytes == 0:
            self._objects.put(key, b"", Overwrite(), "application/octet-stream")
            return ModelFileOpened(s3_upload_id="", whole_checksum=True)
        opened = OwnSession.open(self._objects, self._transfers, key, file.size_bytes, file.checksum).upload
        return ModelFileOpened(s3_upload_id=opened.s3_upload_id, whole_checksum=opened.whole_checksum)

    def sign(self, folder: ModelFolder, asked: SignFileParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        parts = [PartToSign(part.number, part.length, from_header(part.checksum)) for part in asked.parts]
        return dict(self._session(folder, asked).sign(parts))

    def complete(self, folder: ModelFolder, asked: CompleteFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless.

        Raises:
            IntegrityError: the parts do not make up the file that was announced.
            InputError: a model with this id is published and has other files.
            NotFound: the upload is gone.
        """
        sent = [SentPart(p.number, p.length, from_header(p.checksum), p.etag) for p in asked.parts]
        crc = combine((part.crc, part.length) for part in sent)
        if to_header(crc) != asked.checksum:
            raise IntegrityError(what=asked.name, expected=asked.checksum, found=to_header(crc))
        size_bytes = sum(part.length for part in sent)
        file = ModelFile(name=asked.name, size_bytes=size_bytes, checksum=to_text(crc))
        self._check_published(folder, file)
        self._session(folder, asked, size_bytes, whole_checksum=asked.whole_checksum).complete(sent, crc)
        self._check_announced(folder, file)

    def abort(self, folder: ModelFolder, asked: AbortFile) -> None:
        """Give an upload up and free its parts."""
        self._session(folder, asked).abort()

    def record(self, folder: ModelFolder) -> ModelRecord | None:
        """Return the record that published the model; None where there is none that can be read."""
        try:
            return ModelRecord.model_validate_json(self._objects.get(folder.record).body)
        except (NotFound, ValidationError):
            return None

    def has(self, folder: ModelFolder, file: ModelFile) -> bool:
        """Tell whether a file lies there with these bytes."""
        return self._trouble(folder, file) == ""

    def missing(self, folder: ModelFolder, files: Iterable[ModelFile]) -> str:
        """Say what is wrong with the first file that is not there as it should be; "" if all are."""
        return next((trouble for file in files if (trouble := self._trouble(folder, file))), "")

    def _trouble(self, folder: ModelFolder, file: ModelFile) -> str:
        try:
            found = self._objects.head(_key(folder, file.name))
        except NotFound:
            return f"{file.name} is not there"
        if found.size_bytes != file.size_bytes:
            return f"{file.name} has another size"
        if file.size_bytes and found.metadata.get(CHECKSUM) != file.checksum:
            return f"{file.name} has other bytes"
        return ""

    def _check_announced(self, folder: ModelFolder, file: ModelFile) -> None:
        """What lies beside the bytes as their checksum was said before they came; it has to be theirs."""
        announced = self._objects.head(_key(folder, file.name)).metadata.get(CHECKSUM, "")
        if announced != file.checksum:
            if self.record(folder) is None:
                self._objects.delete(_key(folder, file.name))
            raise IntegrityError(what=file.name, expected=announced, found=file.checksum)

    def _check_published(self, folder: ModelFolder, file: ModelFile) -> None:
        """Refuse to write over a model that is published: what has its id has its files."""
        present = self.record(folder)
        if present is not None and file not in present.files:
            message = f"Model {folder.model_id} is published already, and {file.name} would not be its file."
            raise InputError(message=message)

    def _session(
        self, folder: ModelFolder, asked: OfOpenFile, size_bytes: int = 0, *, whole_checksum: bool = True
    ) -> OwnSession:
        upload = MultipartUpload(asked.s3_upload_id, whole_checksum)
        return OwnSession(self._objects, self._transfers, _key(folder, asked.name), upload, size_bytes)


def _key(folder: ModelFolder, name: str) -> str:
    key = folder.file(name)
    if key == folder.record:
        raise InputError(message=f"{name} is not a file of a model: it is the record that publishes it.")
    return key
