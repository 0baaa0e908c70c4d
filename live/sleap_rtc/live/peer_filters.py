"""Pure: which peers a `discover_peers` asks for.

    role         the same role
    tags         at least one of these; of an empty list there is none
    properties   each the same, or within {"$gte": low, "$lte": high}, or {"$eq": value}

Whatever else a filter says is ignored, also a `room_id`: nobody sees beyond his room. Values that cannot be
compared do not match.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleap_rtc.live.signaling_messages import PeerInfo


def matches(peer: PeerInfo, filters: Mapping[str, Any]) -> bool:
    """Tell whether a peer is among those that are asked for."""
    if "role" in filters and peer.role != filters["role"]:
        return False
    if "tags" in filters:
        wanted = filters["tags"]
        if not isinstance(wanted, list) or not any(tag in wanted for tag in peer.metadata.tags):
            return False
    properties = filters.get("properties", {})
    if not isinstance(properties, dict):
        return False
    return all(_fits(peer.metadata.properties.get(name), value) for name, value in properties.items())


def _fits(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return _same(value, wanted)
    return (
        ("$gte" not in wanted or _at_most(wanted["$gte"], value))
        and ("$lte" not in wanted or _at_most(value, wanted["$lte"]))
        and ("$eq" not in wanted or _same(value, wanted["$eq"]))
    )


def _same(value: Any, other: Any) -> bool:
    # To Python, though not to JSON, 1 is true.
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _at_most(low: Any, high: Any) -> bool:
    if isinstance(low, bool) or isinstance(high, bool):
        return False
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return low <= high
    return isinstance(low, str) and isinstance(high, str) and low <= high
