"""Pure: which area of the service a route belongs to, and which routes wait for something by design."""

from __future__ import annotations

from typing import Final

_OF_API: Final = {
    "request-upload": "uploads",
    "complete-upload": "uploads",
    "upload-status": "uploads",
    "uploads": "uploads",
    "request-download": "downloads",
    "rooms": "rooms",
    "join": "rooms",
    "sign-in": "sign_in",
    "who-am-i": "sign_in",
}
_OF_ROOM: Final = {
    "uploads": "uploads",
    "datasets": "uploads",
    "jobs": "jobs",
    "shared-jobs": "jobs",
    "manifest": "models",
    "models": "models",
    "aliases": "models",
    "versions": "models",
    "history": "models",
    "diff": "models",
    "gc": "models",
    "pushed-models": "models",
    "wakeups": "workers",
    "workers": "workers",
    "worker-terms": "workers",
    "worker-tokens": "workers",
    "signaling-token": "signaling",
}
_ROOM_PARTS = 3
"""Parts of a path that goes beyond the room itself: `rooms`, its id, and what of it."""
_HEALTH: Final = {"healthz", "readyz", "metrics", "health"}
_WAITING: Final = (
    "/api/rooms/{room_id}/events",
    "/api/rooms/{room_id}/jobs/{job_id}/live",
    "/api/rooms/{room_id}/wakeups/receive",
)


def area_of(route: str) -> str:
    """Return the area of a route, given as it is declared, such as `/api/rooms/{room_id}/jobs`."""
    first, *rest = route.strip("/").split("/")
    if first != "api":
        return "health" if first in _HEALTH else "signaling"
    area = _OF_API.get(rest[0], "") if rest else ""
    return _OF_ROOM.get(rest[2], "rooms") if area == "rooms" and len(rest) >= _ROOM_PARTS else area


def waits(route: str, method: str) -> bool:
    """Tell whether a request of a route is answered when something happens, not as soon as it can be."""
    return route in _WAITING and (method == "GET" or route.endswith("/receive"))
