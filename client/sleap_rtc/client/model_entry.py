"""Pure: what the registry says about one model, in the existing tool's fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from sleap_rtc.client.legacy_ids import is_model_id
from sleap_rtc.client.registry_errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Entry: TypeAlias = dict[str, Any]

FILTERS = ("model_type", "source", "location", "has_alias")
# By whether the model is here and whether it is on a worker. One that only a room has is at none of them.
LOCATIONS = {(True, False): "local-only", (False, True): "worker-only", (True, True): "both"}


def check_model_id(model_id: object) -> None:
    """Raise InvalidModelError unless it is one of a room or of the existing tool, see `is_model_id`."""
    if not isinstance(model_id, str) or not is_model_id(model_id):
        reason = f"its id must be 8 to 64 lower-case hexadecimal digits, not {model_id!r}"
        raise InvalidModelError(reason=reason)


def json_copy(fields: Mapping[str, Any]) -> Entry:
    """Copy fields as they will be read back, or raise InvalidModelError if JSON cannot hold one."""
    try:
        copied: Entry = json.loads(json.dumps(dict(fields)))
    except (TypeError, ValueError) as error:
        raise InvalidModelError(reason=str(error)) from error
    return copied


def new_entry(fields: Mapping[str, Any], now_text: str) -> Entry:
    """Return the entry of a model that is registered now, or raise InvalidModelError."""
    entry = json_copy(fields)
    if not entry.get("id") or not entry.get("model_type"):
        raise InvalidModelError(reason="it needs an 'id' and a 'model_type'")
    check_model_id(entry["id"])
    entry.setdefault("imported_at" if entry.get("source") == "local-import" else "downloaded_at", now_text)
    add_defaults(entry)
    return entry


def add_defaults(entry: Entry) -> None:
    """Add, in place, the fields that every entry has."""
    defaults: Entry = {
        "on_worker": False,
        "worker_last_seen": None,
        "worker_path": None,
        "notes": "",
        "tags": [],
    }
    for name, value in defaults.items():
        entry.setdefault(name, value)


def select_entries(entries: Iterable[Entry], filters: Mapping[str, Any]) -> list[Entry]:
    """Return the entries that match every filter, newest first, or raise ValueError for no known filter."""
    if unknown := sorted(filters.keys() - set(FILTERS)):
        raise ValueError(f"There is no filter {unknown[0]!r}; the filters are {', '.join(FILTERS)}.")
    if filters.get("location", "both") not in LOCATIONS.values():
        known = ", ".join(LOCATIONS.values())
        raise ValueError(f"There is no location {filters['location']!r}; they are {known}.")
    found = [entry for entry in entries if filters.items() <= _traits(entry).items()]
    return sorted(found, key=_arrival, reverse=True)


def _traits(entry: Entry) -> Entry:
    here = bool(entry.get("local", True) and entry.get("local_path", True))
    return {
        "model_type": entry.get("model_type"),
        "source": entry.get("source"),
        "location": LOCATIONS.get((here, bool(entry.get("on_worker")))),
        "has_alias": bool(entry.get("alias")),
    }


def _arrival(entry: Entry) -> str:
    return str(entry.get("downloaded_at") or entry.get("imported_at") or entry.get("created_at") or "")
