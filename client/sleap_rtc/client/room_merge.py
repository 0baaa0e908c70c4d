"""Pure: what a registry holds once a room's models are merged into it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.model_alias import alias_owner, alias_problem, assign_alias, strip_alias
from sleap_rtc.client.model_entry import Entry, add_defaults, check_model_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RoomModel:
    """A model as a room's storage lists it, or InvalidModelError if its id is not one."""

    model_id: str
    model_type: str
    alias: str | None = None
    size_bytes: int | None = None
    created_at: datetime | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_model_id(self.model_id)


@dataclass(frozen=True, slots=True)
class RoomMerge:
    """Entries by id and ids by alias. Added are the ids that were not known, gone those that no place has."""

    models: dict[str, Entry]
    aliases: dict[str, str]
    added: tuple[str, ...]
    gone: tuple[str, ...]


def merge_room(
    models: Mapping[str, Entry], aliases: Mapping[str, str], room_id: str, in_room: Mapping[str, RoomModel]
) -> RoomMerge:
    """Merge all that a room has into what a registry has. Merging the same room again changes nothing.

    - A model that is new here gets an entry with ``local_path`` None. A model that has files here keeps what
      its entry says and gets only what it lacks.
    - ``rooms`` in an entry maps each room that has the model to the model's alias there.
    - An alias that an entry shares with the room follows the room: renamed or dropped there, so it is here.
      One that the user chose stays, one that the user took off stays off, and one that another model has here
      stays with that model.
    - A model that only this room had is dropped once the room lost it, unless the user wrote notes or tags.
    - ``on_worker`` is never touched: a room's storage is no worker.
    """
    merged, names = copy.deepcopy(dict(models)), dict(aliases)
    found = {model.model_id: model for model in in_room.values()}
    added = tuple(sorted(found.keys() - merged.keys()))
    wanted: dict[str, str] = {}
    gone: list[str] = []
    # All releases come before all assignments, or two models could not swap their aliases.
    for model_id in [*merged, *added]:
        entry = merged.setdefault(model_id, {})
        model = found.get(model_id)
        rooms = _rooms(entry)
        elsewhere = {name: alias for name, alias in rooms.items() if name != room_id}
        before = rooms.get(room_id)
        now = model.alias if model else None
        shared = before is not None and entry.get("alias") == before
        if shared and before != now and before not in elsewhere.values():
            strip_alias(merged, names, model_id)
        if model is not None:
            _take_from_room(entry, model)
            entry["rooms"] = {**rooms, room_id: now}
            if now and now != before and not entry.get("alias"):
                wanted[model_id] = now
        elif room_id in rooms:
            entry["rooms"] = elsewhere
            if _is_nowhere(entry):
                gone.append(model_id)
    for model_id in gone:
        strip_alias(merged, names, model_id)
        del merged[model_id]
    for model_id, alias in sorted(wanted.items()):
        if not alias_problem(alias) and alias_owner(merged, names, alias) is None and alias not in merged:
            assign_alias(merged, names, model_id, alias)
    return RoomMerge(merged, names, added, tuple(sorted(gone)))


def _rooms(entry: Entry) -> dict[str, str | None]:
    rooms = entry.get("rooms")
    return dict(rooms) if isinstance(rooms, dict) else {}


def _is_nowhere(entry: Entry) -> bool:
    """Tell whether no place is left where the model is, and the user wrote nothing about it."""
    keeps = ("local_path", "downloaded_at", "imported_at", "on_worker", "rooms", "notes", "tags")
    return not any(entry.get(name) for name in keeps)


def _take_from_room(entry: Entry, model: RoomModel) -> None:
    told = {
        "id": model.model_id,
        "model_type": model.model_type,
        "source": "worker-pull",
        "size_bytes": model.size_bytes,
        "created_at": model.created_at.isoformat() if model.created_at else None,
        "metrics": dict(model.metrics) or None,
    }
    facts = {name: value for name, value in told.items() if value is not None}
    if not entry:
        entry |= {**facts, "alias": None, "local_path": None, "checkpoint_path": None}
        add_defaults(entry)
    elif entry.get("local_path"):
        entry |= {name: value for name, value in facts.items() if entry.get(name) is None}
    else:
        entry |= {**facts, "source": entry.get("source") or facts["source"]}
