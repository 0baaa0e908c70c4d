"""Adapter: multipart uploads and presigned URLs of one S3 bucket.

Used by whoever holds credentials: the service for its clients, a worker with a role for itself. A URL is a
bearer secret: it is handed to whoever asked, and never logged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sleap_rtc.storage.checksum import to_header
from sleap_rtc.storage.errors import IntegrityError, NotFound
from sleap_rtc.storage.s3_client import error_code, s3_errors
from sleap_rtc.storage.storage_facts import UrlSigned
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

    from sleap_rtc.storage.upload_session import SentPart

URL_LIFETIME_S = 3600


@dataclass(frozen=True)
class MultipartUpload:
    """An open upload. `whole_checksum` tells whether the store keeps a CRC of the whole object (S3 does;
    a store that answers COMPOSITE keeps those of the parts alone)."""

    s3_upload_id: str
    whole_checksum: bool


class S3Transfers:
    """Opens, signs, lists, completes and aborts multipart uploads; signs downloads."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def create(self, key: str, content_type: str, metadata: Mapping[str, str]) -> MultipartUpload:
        """Open a multipart upload. Metadata values must be ASCII."""
        with s3_errors(key):
            reply = self._client.create_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                ContentType=content_type,
                Metadata=dict(metadata),
                ChecksumAlgorithm="CRC64NVME",
                ChecksumType="FULL_OBJECT",
            )
        return MultipartUpload(reply["UploadId"], reply.get("ChecksumType") == "FULL_OBJECT")

    def sign_part(self, key: str, s3_upload_id: str, number: int, length: int, crc: int) -> str:
        """Return a URL that takes exactly these bytes as this part and nothing else."""
        tell(UrlSigned("UploadPart"))
        return self._client.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "UploadId": s3_upload_id,
                "PartNumber": number,
                "ContentLength": length,
                "ChecksumCRC64NVME": to_header(crc),
            },
            ExpiresIn=URL_LIFETIME_S,
        )

    def sign_get(self, key: str) -> str:
        """Return a URL that reads this object."""
        tell(UrlSigned("GetObject"))
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=URL_LIFETIME_S
        )

    def list_parts(self, key: str, s3_upload_id: str) -> dict[int, tuple[str, int]]:
        """Return what S3 holds of an open upload: part number to (ETag, bytes), over all pages.

        Raises:
            NotFound: the upload was completed, aborted or has expired.
        """
        parts: dict[int, tuple[str, int]] = {}
        with s3_errors(key):
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self.bucket, Key=key, UploadId=s3_upload_id
            )
            for page in pages:
                for part in page.get("Parts", []):
                    parts[part["PartNumber"]] = (part["ETag"], part["Size"])
        return parts

    def complete(
        self, key: str, upload: MultipartUpload, parts: Sequence[SentPart], crc: int, size_bytes: int
    ) -> str:
        """Turn the parts into the object and return its ETag.

        Raises:
            IntegrityError: the store found other bytes than the checksums say.
            NotFound: there is no such open upload (any more).
        """
        try:
            try:
                return self._complete(key, upload, parts, crc, size_bytes)
            except ClientError as error:
                if error_code(error) != "InvalidPart":
                    raise
            # A part that was sent twice, after a lost reply or as a late one, has the ETag of whichever try
            # the store took last; under KMS the two differ. Its bytes are those of the checksum either way.
            held = self.list_parts(key, upload.s3_upload_id)
            latest = [replace(part, etag=held.get(part.number, (part.etag, 0))[0]) for part in parts]
            return self._complete(key, upload, latest, crc, size_bytes)
        except ClientError as error:
            code = error_code(error)
            if code in {"BadDigest", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidRequest"}:
                raise IntegrityError(what="The upload", expected=to_header(crc), found=code) from error
            raise

    def _complete(
        self, key: str, upload: MultipartUpload, parts: Sequence[SentPart], crc: int, size_bytes: int
    ) -> str:
        listed: list[CompletedPartTypeDef] = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC64NVME": to_header(part.crc)}
            for part in parts
        ]
        with s3_errors(key):
            if upload.whole_checksum:
                reply = self._client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload.s3_upload_id,
                    MultipartUpload={"Parts": listed},
                    ChecksumCRC64NVME=to_header(crc),
                    ChecksumType="FULL_OBJECT",
                    MpuObjectSize=size_bytes,
                )
            else:
                reply = self._client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload.s3_upload_id,
                    MultipartUpload={"Parts": listed},
                )
        return reply["ETag"]

    def begun(self) -> Iterator[datetime]:
        """Yield when each open multipart upload of the bucket was begun (one request per 1,000)."""
        with s3_errors(self.bucket):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket):
                yield from (upload["Initiated"] for upload in page.get("Uploads", []))

    def abort(self, key: str, s3_upload_id: str) -> None:
        """Give up an open upload and free its parts; one that is gone already is fine."""
        try:
            with s3_errors(key):
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=s3_upload_id)
        except NotFound:
            return
