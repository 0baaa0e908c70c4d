"""Adapter: an upload session whose URLs are signed with credentials of one's own.

A worker with a role sends its model this way; for one without, the service does the same on its behalf. The
checksum of the whole file lies in the object's metadata, so that it can be told by whoever comes later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.s3_transfers import MultipartUpload, S3Transfers
    from sleap_rtc.storage.upload_session import PartToSign, SentPart

CHECKSUM = "checksum"
"""Where in the metadata of an object the CRC64NVME of the whole file stands."""
_CONTENT_TYPE = "application/octet-stream"


class OwnSession:
    """One open upload.

    Args:
        objects: the bucket, to look at what was completed.
        transfers: the same bucket.
        key: of the object.
        upload: open at S3.
        size_bytes: of the whole file.
    """

    def __init__(
        self,
        objects: ObjectStore,
        transfers: S3Transfers,
        key: str,
        upload: MultipartUpload,
        size_bytes: int,
    ) -> None:
        self._objects = objects
        self._transfers = transfers
        self._key = key
        self.upload = upload
        self._size_bytes = size_bytes

    @classmethod
    def open(
        cls, objects: ObjectStore, transfers: S3Transfers, key: str, size_bytes: int, checksum: str
    ) -> OwnSession:
        """Open an upload of a file with this CRC64NVME (`crc64nvme:...`)."""
        upload = transfers.create(key, _CONTENT_TYPE, {CHECKSUM: checksum})
        return cls(objects, transfers, key, upload, size_bytes)

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        return {
            part.number: self._transfers.sign_part(
                self._key, self.upload.s3_upload_id, part.number, part.length, part.crc
            )
            for part in parts
        }

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts; an object that is there already, by a lost reply, is as good."""
        try:
            self._transfers.complete(self._key, self.upload, parts, crc, self._size_bytes)
        except NotFound:
            found = self._objects.head(self._key)
            if (found.size_bytes, found.metadata.get(CHECKSUM)) != (self._size_bytes, to_text(crc)):
                raise

    def abort(self) -> None:
        """Give the upload up and free its parts."""
        self._transfers.abort(self._key, self.upload.s3_upload_id)
