"""Orchestration: the datasets that a room has, found by their bytes or by their upload.

Whoever first learns that the object of an upload exists settles its record: the service that completed it,
the reactor that S3 told of it, or the sweep. The entry in the index is written before the record says
`completed`, so a completed upload is never missing from it, whoever died in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.uploads import UploadRecord, completed
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import from_text
from sleap_rtc.storage.document import Document, Documents, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound, ObjectChanged
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.unchanged import unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.storage.object_store import ObjectStore


class DatasetEntry(Document):
    """`{room_id}/datasets/{size_bytes}-{crc:016x}.json`: the newest upload that brought these bytes."""

    upload_id: str


class DatasetIndex:
    """The datasets of all rooms.

    Args:
        uploads: the uploads bucket.
        rooms: the rooms bucket, where the records and the index lie.
    """

    def __init__(self, uploads: ObjectStore, rooms: ObjectStore) -> None:
        self._uploads = uploads
        self._rooms = rooms
        self._entries = Documents(rooms, DatasetEntry)
        self._records = Documents(rooms, UploadRecord)

    def begin(self, upload: keys.UploadKey) -> None:
        """Mark an upload whose object is about to come into being, so that it is not overlooked if nobody is
        left to hear of it. Its dispatch takes the mark away."""
        self._rooms.put(keys.open_upload_key(upload), b"{}", Overwrite())

    def settle(self, record: UploadRecord, etag: str) -> UploadRecord:
        """Enter an upload whose object exists and mark its record as completed; repeating it is harmless.

        Args:
            record: has the checksum that S3 was asked to complete with.
            etag: the ETag of the object.
        """
        entry = DatasetEntry(upload_id=record.upload_id)
        self._entries.change(
            keys.dataset_key(record.room_id, record.size_bytes, from_text(record.checksum)),
            lambda present: _newest(present, entry),
            start=lambda: entry,
        )
        key = keys.upload_record_key(keys.UploadKey(record.room_id, record.upload_id))
        return self._records.change(key, lambda present: completed(present, etag)).value

    def present(self, room_id: str, size_bytes: int | None = None) -> Iterator[UploadRecord]:
        """Yield the uploads whose datasets are still in the store, each content once.

        Costs one LIST per 1,000 entries, and two GETs and a HEAD for each.

        Args:
            room_id: the room.
            size_bytes: only datasets of this size.
        """
        for found in self._rooms.list(keys.datasets_prefix(room_id, size_bytes)):
            try:
                entry = self._entries.read(found.key).value
                yield self.get(keys.UploadKey(room_id, entry.upload_id))
            except (NotFound, ObjectChanged, DocumentUnreadable):
                continue  # whoever needs it uploads it again

    def get(self, upload: keys.UploadKey) -> UploadRecord:
        """Return the record of an upload whose dataset is there.

        Raises:
            NotFound: there is no such upload, or it is not complete.
            ObjectChanged: the dataset was replaced or removed after its upload was completed.
        """
        try:
            record = self._records.read(keys.upload_record_key(upload)).value
        except NotFound:
            raise NotFound(what=f"upload {upload.upload_id}") from None
        if record.state != "completed":
            raise NotFound(what=f"completed upload {upload.upload_id}")
        unchanged(self._uploads, str(upload), record.etag, f"The dataset {record.file_name}")
        return record


def _newest(present: DatasetEntry, other: DatasetEntry) -> DatasetEntry:
    """Upload ids sort by time, so every order of completions ends with the same entry."""
    return present if present.upload_id >= other.upload_id else other
