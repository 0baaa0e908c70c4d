"""Pure: what a room said when it was asked last, as it is kept on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from sleap_rtc.storage.manifest import Manifest

if TYPE_CHECKING:
    from datetime import timedelta

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


class RoomView(BaseModel):
    """A room's manifest and when it was asked for."""

    model_config = ConfigDict(frozen=True)

    asked_at: AwareDatetime
    manifest: Manifest

    def supersedes(self, other: RoomView) -> bool:
        """Tell whether `other` is an older state of the room that comes late, from a slower process."""
        return self.manifest.revision > other.manifest.revision and self.asked_at >= other.asked_at

    def is_of(self, manifest: Manifest) -> bool:
        """Tell whether a manifest is the very revision that is kept here."""
        return bool(manifest.revision_id) and self.manifest.revision_id == manifest.revision_id


def read_view(data: bytes | None, room_id: str) -> RoomView | None:
    """Return what was kept, None if that is nothing, makes no sense, or is about another room."""
    # What is lost costs one question to the room, so there is no backup and no complaint.
    try:
        view = RoomView.model_validate_json(data or b"")
    except ValidationError:
        return None
    return view if view.manifest.room_id == room_id else None


def ago(age: timedelta) -> str:
    """Return an age in words: ``3 hours ago``."""
    seconds = age.total_seconds()
    if seconds < 0:
        return "at an unknown time (this machine's clock was set back since)"
    for unit, length in _UNITS:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
