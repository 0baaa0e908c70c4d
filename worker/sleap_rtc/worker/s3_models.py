"""Adapter: models of the rooms bucket, sent with the worker's own credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage import keys
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.own_session import OwnSession

if TYPE_CHECKING:
    from sleap_rtc.storage.manifest import ModelFile, ModelRecord
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


class S3Models:
    """Signs its own URLs.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

    def open(self, record: ModelRecord, file: ModelFile) -> OwnSession:
        """Open the upload of a file."""
        key = _folder(record).file(file.name)
        return OwnSession.open(self._objects, self._transfers, key, file.size_bytes, file.checksum)

    def put_empty(self, record: ModelRecord, file: ModelFile) -> None:
        """Write an empty file."""
        key = _folder(record).file(file.name)
        self._objects.put(key, b"", Overwrite(), "application/octet-stream")

    def publish(self, record: ModelRecord) -> None:
        """Write the record."""
        body = record.model_dump_json(indent=1).encode()
        self._objects.put(_folder(record).record, body, Overwrite())


def _folder(record: ModelRecord) -> keys.ModelFolder:
    return keys.ModelFolder(record.room_id, record.model_type, record.model_id)
