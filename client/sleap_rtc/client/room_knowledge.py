"""Orchestration: what a room has, asked for only when what is known is too old, and told with its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.client.registry_errors import RegistryError
from sleap_rtc.client.room_view import RoomView, ago
from sleap_rtc.storage.errors import Unreachable

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.storage.manifest import Manifest

ANY_AGE = timedelta.max
ASK_NOW = timedelta(microseconds=-1)


class RoomManifests(Protocol):
    """Knows what rooms have."""

    def manifest(self, room_id: str, *, patient: bool = True) -> Manifest:
        """Return a room's manifest. Raises Unreachable, sooner without patience, and NotFound."""


@dataclass(frozen=True, slots=True)
class RoomKnowledge:
    """What is known of a room.

    Args:
        view: what it said, and when.
        age: of that.
        asked: it answered just now.
        offline: it should have been asked again, and the service did not answer.
        unkept: why what it said could not be kept on this machine; empty if it was.
    """

    view: RoomView
    age: timedelta
    asked: bool = False
    offline: bool = False
    unkept: str = ""

    @property
    def note(self) -> str:
        """Say how old this is if the service does not answer; nothing otherwise."""
        return f"as the room had it {ago(self.age)}; the service does not answer" if self.offline else ""


def ensure_fresh(
    registry: ClientModelRegistry,
    room_id: str,
    service: RoomManifests,
    now: datetime,
    max_age: timedelta,
) -> RoomKnowledge:
    """Return what is known of a room; ask it first if that is older than a given age.

    Args:
        registry: keeps what the room says.
        room_id: the room.
        service: is asked.
        now: the time, with its zone.
        max_age: how old the answer may be; `ASK_NOW` to ask in any case.

    Raises:
        Unreachable: the service does not answer, and nothing is known of the room.
        NotFound: there is no such room.
    """
    view = registry.room_view(room_id)
    # What comes from the future says that the clock was wrong, and not how old it is.
    if view is not None and timedelta(0) <= now - view.asked_at <= max_age:
        return RoomKnowledge(view, now - view.asked_at)
    try:
        manifest = service.manifest(room_id, patient=view is None)
    except Unreachable:
        if view is None:
            raise
        return RoomKnowledge(view, now - view.asked_at, offline=True)
    fresh = RoomView(asked_at=now, manifest=manifest)
    return RoomKnowledge(fresh, timedelta(0), asked=True, unkept=_keep(registry, manifest, now))


def _keep(registry: ClientModelRegistry, manifest: Manifest, now: datetime) -> str:
    """Keep what the room said; a home that cannot take it is no reason not to show it."""
    try:
        registry.refresh_from_room(manifest.room_id, manifest, now)
    except RegistryError as error:
        return str(error)
    return ""
