"""Orchestration: how many uploads may be open at once, and of how many bytes, of one person and in one room.

Each open upload has two empty marks in the rooms bucket whose keys say it all, so that one LIST counts them.
The marks come first and are counted then: of two who ask for the last place at once neither may get it, but
never both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.events.service_facts import RequestLimited
from sleap_rtc.service.errors import QuotaExceeded
from sleap_rtc.storage import keys
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.storage.object_store import ObjectStore

_NAMED = 3
# Marks that are looked at before somebody is refused; a GET each.
_LOOKED_AT = 20


@dataclass(frozen=True)
class Quota:
    """What may be open at once; 0 for no limit."""

    uploads: int
    size_bytes: int


@dataclass(frozen=True)
class _Mark:
    key: str
    upload: keys.UploadKey
    size_bytes: int


class Quotas:
    """The open uploads of all people and rooms.

    Args:
        store: the rooms bucket.
        of_user: what one person may have open, in all rooms together.
        of_room: what may be open in one room, of everybody together.
        is_open: tells whether an upload still is, or is just being opened; asked before somebody is refused.
    """

    def __init__(
        self,
        store: ObjectStore,
        of_user: Quota,
        of_room: Quota,
        is_open: Callable[[keys.UploadKey], bool],
    ) -> None:
        self._store = store
        self._of_user = of_user
        self._of_room = of_room
        self._is_open = is_open

    def take(self, upload: keys.UploadKey, size_bytes: int, subject: str) -> None:
        """Count an upload that is about to be opened. Raises QuotaExceeded."""
        places = _places(upload, subject)
        for place in places:
            self._store.put(f"{place}{upload.upload_id}/{size_bytes}", b"", Overwrite())
        quotas = (self._of_user, self._of_room)
        for whose, place, quota in zip(("You have", "The room has"), places, quotas, strict=True):
            marks = self._marks(place)
            if _exceeds(marks, quota):
                marks = self._swept(marks)
            if _exceeds(marks, quota):
                self.give_back(upload, size_bytes, subject)
                tell(RequestLimited("user_quota" if place is places[0] else "room_quota"))
                raise _exceeded(whose, [mark for mark in marks if mark.upload != upload], quota)

    def give_back(self, upload: keys.UploadKey, size_bytes: int, subject: str) -> None:
        """Count an upload no more: it is complete, or was given up. Doing it twice is harmless."""
        for place in _places(upload, subject):
            self._store.delete(f"{place}{upload.upload_id}/{size_bytes}")

    def _marks(self, place: str) -> list[_Mark]:
        """Return the marks, the oldest first."""
        found = ((info.key, keys.parse_quota_key(info.key)) for info in self._store.list(place))
        marks = [_Mark(key, *parsed) for key, parsed in found if parsed is not None]
        return sorted(marks, key=lambda mark: mark.upload.upload_id.rpartition("-")[2])

    def _swept(self, marks: list[_Mark]) -> list[_Mark]:
        """Take away marks of uploads that are open no more, whoever died before he could do it."""
        gone = [mark for mark in marks[:_LOOKED_AT] if not self._is_open(mark.upload)]
        for mark in gone:
            self._store.delete(mark.key)
        return [mark for mark in marks if mark not in gone]


def _places(upload: keys.UploadKey, subject: str) -> tuple[str, str]:
    digest = hashlib.sha256(subject.encode()).hexdigest()[:32]
    return keys.user_quota_prefix(digest), keys.room_quota_prefix(upload.room_id)


def _exceeds(marks: list[_Mark], quota: Quota) -> bool:
    too_many = bool(quota.uploads) and len(marks) > quota.uploads
    return too_many or (bool(quota.size_bytes) and sum(mark.size_bytes for mark in marks) > quota.size_bytes)


def _exceeded(whose: str, marks: list[_Mark], quota: Quota) -> QuotaExceeded:
    oldest = [f"{mark.upload.upload_id} ({mark.size_bytes:,} bytes)" for mark in marks[:_NAMED]]
    more = f" and {len(marks) - _NAMED:,} more" if len(marks) > _NAMED else ""
    return QuotaExceeded(
        whose=whose,
        uploads=len(marks),
        size_bytes=sum(mark.size_bytes for mark in marks),
        most_uploads=quota.uploads,
        most_bytes=quota.size_bytes,
        oldest=(", ".join(oldest) + more) if marks else "none is open, this one alone is too large",
    )
