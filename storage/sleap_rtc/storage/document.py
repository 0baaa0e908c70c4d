"""Orchestration: a JSON document in a bucket that several writers change without losing an update.

The lock is a conditional write. Three answers are told apart: 412 (somebody was faster: read again), 409 (the
same write may be repeated), and a 412 that is in fact our own write whose reply was lost, recognised by the
unique `write_id` that every version carries.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from ulid import ULID

from sleap_rtc.storage.errors import NotFound, PreconditionFailed, SleapRtcError, WriteConflict
from sleap_rtc.storage.object_store import Create, ObjectStore, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.storage.storage_facts import Result

_MOST_TRIES = 20
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 5.0
_LONGEST_WHY = 300


class Document(BaseModel):
    """What every such document has: a schema version and the id of the write that made it."""

    remedy: ClassVar[str] = "bring an older version of it back, or move it away"
    """What a person can do about one that is damaged."""

    schema_version: int = 1
    write_id: str = ""


D = TypeVar("D", bound=Document)


class DocumentUnreadable(SleapRtcError):
    """{key} is not a document that this version of sleap-rtc can read ({why}). It was left as it is.
    If it is from a newer version, update sleap-rtc; if it is damaged, {remedy}."""

    key: str
    why: str
    remedy: str


class ChangeNotShown(DocumentUnreadable):
    """The change was made and stands in the log, but {key}, which shows it to readers, is not a document that
    this version of sleap-rtc can read ({why}). It was left as it is. If it is from a newer version, update
    sleap-rtc; if it is damaged, {remedy}."""


class DocumentTooNew(DocumentUnreadable):
    """{key} was written by a newer version of sleap-rtc ({why}). It was left as it is. Update sleap-rtc; do
    not change the document by hand."""


def what_is_wrong(error: ValidationError) -> str:
    """Say what the first thing is that keeps bytes from being a document, without the bytes themselves."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "it is no JSON, or not all of it is there"
    where = ".".join(str(step) for step in first["loc"])
    others = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{where}: {first['msg']}{others}"[:_LONGEST_WHY]


@dataclass(frozen=True)
class Versioned(Generic[D]):
    """A document and the version of the object that holds it."""

    value: D
    etag: str


class Documents(Generic[D]):
    """Documents of one type in one bucket.

    Args:
        store: the bucket.
        kind: the type.
        on_write: told how each conditional write ended.
    """

    def __init__(
        self, store: ObjectStore, kind: type[D], on_write: Callable[[Result], None] = lambda _: None
    ) -> None:
        self._store = store
        self._kind = kind
        self._on_write = on_write

    def read(self, key: str) -> Versioned[D]:
        """Return a document.

        Raises:
            NotFound: there is none.
            DocumentUnreadable: it is corrupt or from a newer version.
        """
        found = self._store.get(key)
        try:
            value = self._kind.model_validate_json(found.body)
        except ValidationError as error:
            raise DocumentUnreadable(key=key, why=what_is_wrong(error), remedy=self._kind.remedy) from error
        newest = self._kind.model_fields["schema_version"].default
        if value.schema_version > newest:
            why = f"it has schema version {value.schema_version}, and this one reads {newest}"
            raise DocumentTooNew(key=key, why=why, remedy=self._kind.remedy)
        return Versioned(value, found.info.etag)

    def create(self, key: str, document: D) -> bool:
        """Write a document unless there is one; return whether it is ours."""
        return self.keep(key, self._stamped(document))

    def keep(self, key: str, document: D) -> bool:
        """Write a version as it stands, with the write id that it has, unless there is a document; return
        whether this one stands there."""
        return self.write(key, document, Create()) is not None

    def change(
        self, key: str, change: Callable[[D], D], start: Callable[[], D] | None = None
    ) -> Versioned[D]:
        """Apply a change to the newest version, however many writers there are.

        Args:
            key: where the document lies.
            change: applied again to each newer version until it is written.
            start: makes the first version where there is none.

        Raises:
            NotFound: there is no document and no `start`.
            PreconditionFailed: too many writers for too long.
        """
        for attempt in range(_MOST_TRIES):
            try:
                present = self.read(key)
            except NotFound:
                if start is None:
                    raise
                present = None
            before = present.value if present else start()  # type: ignore[misc] # raised above if None
            after = change(before)
            if present is not None and after is before:
                return present
            fresh = self._stamped(after)
            written = self.write(key, fresh, Update(present.etag) if present else Create())
            if written is not None:
                return Versioned(fresh, written)
            time.sleep(random.random() * min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2**attempt))  # noqa: S311
        raise PreconditionFailed(key=key)

    def replace(self, key: str, held: Versioned[D], document: D) -> Versioned[D]:
        """Write over exactly the version that the caller holds.

        Raises:
            PreconditionFailed: it is not the newest any more.
        """
        fresh = self._stamped(document)
        written = self.write(key, fresh, Update(held.etag))
        if written is None:
            raise PreconditionFailed(key=key)
        return Versioned(fresh, written)

    def write(
        self,
        key: str,
        document: D,
        mode: Create | Update,
        metadata: Mapping[str, str] | None = None,
        *,
        recognise: bool = True,
    ) -> str | None:
        """Write a version as it stands if the mode holds; return its ETag, None if another one stands there.

        Args:
            key: where to.
            document: the version.
            mode: what has to hold.
            metadata: to be kept with it.
            recognise: whether to read what stands there, which may be ours whose reply was lost. A caller who
                looks for himself saves that: None then means that either may stand there.

        Raises:
            WriteConflict: other writes were under way each time.
        """
        body = document.model_dump_json(indent=1).encode()
        for attempt in range(_MOST_TRIES):
            try:
                written = self._store.put(key, body, mode, metadata=metadata)
            except WriteConflict:
                time.sleep(random.random() * min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2**attempt))  # noqa: S311
            except PreconditionFailed:
                ours = self._ours(key, document.write_id) if recognise else None
                self._on_write("ours" if ours else "lost")
                return ours
            else:
                self._on_write("won")
                return written
        raise WriteConflict(key=key)

    def _ours(self, key: str, write_id: str) -> str | None:
        try:
            present = self._store.get(key)
        except NotFound:
            return None
        # No two writes have one id, so there is no need to understand a document that somebody else wrote.
        return present.info.etag if write_id.encode() in present.body else None

    @staticmethod
    def _stamped(document: D) -> D:
        return document.model_copy(update={"write_id": str(ULID())})
