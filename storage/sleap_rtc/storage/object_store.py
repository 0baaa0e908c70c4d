"""Pure: the port through which small objects are read and conditionally written.

Bulk bytes do not come this way: they travel over presigned URLs (`upload_engine`, `download_engine`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


@dataclass(frozen=True)
class ObjectInfo:
    """What a store knows of one object. The ETag is opaque: it is compared, never computed."""

    key: str
    size_bytes: int
    etag: str
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""


@dataclass(frozen=True)
class StoredObject:
    """A small object with its bytes."""

    info: ObjectInfo
    body: bytes


@dataclass(frozen=True)
class Create:
    """Write only if there is no such object yet."""


@dataclass(frozen=True)
class Update:
    """Write only over the version with this ETag."""

    etag: str


@dataclass(frozen=True)
class Overwrite:
    """Write whatever is there."""


PutMode = Create | Update | Overwrite


class ObjectStore(Protocol):
    """One bucket. Every method may raise Unreachable and Refused."""

    def get(self, key: str) -> StoredObject:
        """Return an object with its bytes. Raises NotFound."""

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of an object, user metadata included. Raises NotFound."""

    def put(
        self,
        key: str,
        body: bytes,
        mode: PutMode,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object, with user metadata if there is any, and return its ETag.

        Raises:
            PreconditionFailed: the mode did not hold (S3: 412), also for Update of an absent object (404).
            WriteConflict: another conditional write was under way (S3: 409); the same call may be repeated.
        """

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is as good."""

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix in the order of their keys, without user metadata."""

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the distinct next path segments under a prefix, in order."""
