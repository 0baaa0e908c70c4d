"""Orchestration: an object is used only while it is the one that was uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import NotFound, ObjectChanged

if TYPE_CHECKING:
    from sleap_rtc.storage.object_store import ObjectInfo, ObjectStore


def unchanged(store: ObjectStore, key: str, etag: str, what: str) -> ObjectInfo:
    """Return what the store knows of an object that is still the one with this ETag.

    Args:
        store: where it lies.
        key: its key.
        etag: its ETag when its upload was completed; empty if nobody saw it.
        what: how it is called in messages.

    Raises:
        ObjectChanged: it was replaced, or is gone.
    """
    try:
        found = store.head(key)
    except NotFound as error:
        raise ObjectChanged(what=what, expected=f"ETag {etag}", found="nothing") from error
    check_etag(found.etag, etag, what)
    return found


def check_etag(found: str, etag: str, what: str) -> None:
    """Refuse an object with another ETag than the one (if any) that it had when its upload was completed.

    Raises:
        ObjectChanged: it was replaced.
    """
    if etag and found != etag:
        raise ObjectChanged(what=what, expected=f"ETag {etag}", found=f"ETag {found}")
