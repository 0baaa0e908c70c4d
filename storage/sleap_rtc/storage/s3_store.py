"""Adapter: a bucket of S3 as an `ObjectStore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.object_store import Create, ObjectInfo, PutMode, StoredObject, Update
from sleap_rtc.storage.s3_client import s3_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_s3 import S3Client


class S3ObjectStore:
    """Small objects of one bucket, read whole and written conditionally."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def get(self, key: str) -> StoredObject:
        """Return an object with its bytes."""
        with s3_errors(key):
            reply = self._client.get_object(Bucket=self.bucket, Key=key)
            body = reply["Body"].read()
        info = ObjectInfo(key, len(body), reply["ETag"], reply["LastModified"], reply["Metadata"])
        return StoredObject(info, body)

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of an object."""
        with s3_errors(key):
            reply = self._client.head_object(Bucket=self.bucket, Key=key)
        return ObjectInfo(
            key,
            reply["ContentLength"],
            reply["ETag"],
            reply["LastModified"],
            reply["Metadata"],
            reply["ContentType"],
        )

    def put(
        self,
        key: str,
        body: bytes,
        mode: PutMode,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object if the mode holds."""
        condition: dict[str, str] = {}
        if isinstance(mode, Create):
            condition = {"IfNoneMatch": "*"}
        elif isinstance(mode, Update):
            condition = {"IfMatch": mode.etag}
        try:
            with s3_errors(key):
                reply = self._client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    Metadata=dict(metadata or {}),
                    **condition,  # type: ignore[arg-type] # one of two str parameters
                )
        except NotFound:
            if isinstance(mode, Update):
                raise PreconditionFailed(key=key) from None
            raise
        return reply["ETag"]

    def delete(self, key: str) -> None:
        """Remove an object (in a versioned bucket: hide it)."""
        with s3_errors(key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix, page by page (one LIST request per 1,000)."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=start_after
        )
        with s3_errors(prefix or self.bucket):
            for page in pages:
                for found in page.get("Contents", []):
                    yield ObjectInfo(found["Key"], found["Size"], found["ETag"], found["LastModified"])

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the distinct next path segments under a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, Delimiter="/"
        )
        with s3_errors(prefix or self.bucket):
            for page in pages:
                for found in page.get("CommonPrefixes", []):
                    yield found["Prefix"][len(prefix) :].rstrip("/")
