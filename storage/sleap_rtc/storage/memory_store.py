"""Adapter: a bucket in memory, the twin of `S3ObjectStore` for tests."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.object_store import Create, ObjectInfo, PutMode, StoredObject, Update

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class MemoryObjectStore:
    """Keeps S3's rules on conditional writes and on the order of listings."""

    def __init__(self) -> None:
        self._objects: dict[str, StoredObject] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> StoredObject:
        """Return an object with its bytes."""
        try:
            return self._objects[key]
        except KeyError:
            raise NotFound(what=f"object {key}") from None

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of an object."""
        return self.get(key).info

    def put(
        self,
        key: str,
        body: bytes,
        mode: PutMode,
        content_type: str = "application/json",  # noqa: ARG002
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object if the mode holds."""
        return self.place(key, body, mode, metadata=metadata or {})

    def place(self, key: str, body: bytes, mode: PutMode, metadata: Mapping[str, str]) -> str:
        """Write an object with user metadata, as a completed multipart upload would."""
        with self._lock:
            present = self._objects.get(key)
            if isinstance(mode, Create) and present is not None:
                raise PreconditionFailed(key=key)
            if isinstance(mode, Update) and (present is None or present.info.etag != mode.etag):
                raise PreconditionFailed(key=key)
            etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
            info = ObjectInfo(key, len(body), etag, datetime.now(UTC), metadata)
            self._objects[key] = StoredObject(info, body)
            return etag

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._lock:
            self._objects.pop(key, None)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix in the order of their keys."""
        for key, found in sorted(self._objects.items()):
            if key.startswith(prefix) and key > start_after:
                yield found.info

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the distinct next path segments under a prefix."""
        rests = (info.key[len(prefix) :] for info in self.list(prefix))
        yield from sorted({rest.split("/")[0] for rest in rests if "/" in rest})
