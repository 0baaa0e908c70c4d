"""Pure: what a registry holds once a room's manifest is merged into it, and once a model was downloaded."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.file_notes import checkpoint_of, to_entry
from sleap_rtc.client.legacy_ids import is_model_id
from sleap_rtc.client.model_alias import alias_owner, assign_alias, strip_alias
from sleap_rtc.client.model_entry import Entry, add_defaults
from sleap_rtc.storage.model_name import alias_problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sleap_rtc.client.file_notes import FileNote
    from sleap_rtc.storage.manifest import Manifest, ManifestModel


@dataclass(frozen=True, slots=True)
class RoomMerge:
    """Entries by id and ids by alias. Added are the ids that were not known, gone those that no place has."""

    models: dict[str, Entry]
    aliases: dict[str, str]
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A model of a room whose files are in a folder, each of them verified."""

    model: ManifestModel
    room_id: str
    folder: Path
    files: tuple[FileNote, ...]


def merge_room(models: Mapping[str, Entry], aliases: Mapping[str, str], room: Manifest) -> RoomMerge:
    """Merge all that a room has into what a registry has. Merging the same room again changes nothing.

    - A model that is new here gets an entry with ``local_path`` None. A model that has files here keeps what
      its entry says and gets only what it lacks.
    - ``rooms`` in an entry maps each room that has the model to the model's alias there; of several, the one
      that the room shows.
    - An alias that an entry shares with the room follows the room: renamed or dropped there, so it is here.
      One that the user chose stays, one that the user took off stays off, and one that another model has here
      stays with that model.
    - A model that only this room had is dropped once the room lost it, unless the user wrote notes or tags.
      One that somebody removed is lost, too: where it stays here, ``removed`` maps the room to the time.
    - ``on_worker`` is never touched: a room's storage is no worker.
    - A model whose id is not one is left out: nothing could be done with it here.
    """
    merged, names = copy.deepcopy(dict(models)), dict(aliases)
    found = _found(room)
    shown = _shown_aliases(room, found)
    added = tuple(sorted(found.keys() - merged.keys()))
    wanted: dict[str, str] = {}
    gone: list[str] = []
    # All releases come before all assignments, or two models could not swap their aliases.
    for model_id in [*merged, *added]:
        entry = merged.setdefault(model_id, {})
        model = found.get(model_id)
        rooms = _rooms(entry)
        elsewhere = {name: alias for name, alias in rooms.items() if name != room.room_id}
        before = rooms.get(room.room_id)
        now = shown.get(model_id)
        shared = before is not None and entry.get("alias") == before
        if shared and before != now and before not in elsewhere.values():
            strip_alias(merged, names, model_id)
        if model is not None:
            _take_from_room(entry, model)
            _set_removed(entry, room.room_id, None)
            entry["rooms"] = {**rooms, room.room_id: now}
            if now and now != before and not entry.get("alias"):
                wanted[model_id] = now
        elif room.room_id in rooms:
            entry["rooms"] = elsewhere
            if _is_nowhere(entry):
                gone.append(model_id)
            elif lost := room.models.get(model_id):
                _set_removed(entry, room.room_id, lost)
    for model_id in gone:
        strip_alias(merged, names, model_id)
        del merged[model_id]
    for model_id, alias in sorted(wanted.items()):
        _assign_if_free(merged, names, model_id, alias)
    return RoomMerge(merged, names, added, tuple(sorted(gone)))


def is_merged(models: Mapping[str, Entry], room: Manifest) -> bool:
    """Tell whether entries name a room's models, and their aliases there, just as the room does."""
    found = _found(room)
    shown = _shown_aliases(room, found)
    told = {i: _rooms(entry)[room.room_id] for i, entry in models.items() if room.room_id in _rooms(entry)}
    return told == {model_id: shown.get(model_id) for model_id in found}


def enter_download(
    models: dict[str, Entry], aliases: dict[str, str], done: Downloaded, now_text: str
) -> None:
    """Enter a downloaded model, in place. Notes and tags that the user wrote stay, and so does an alias."""
    model, room_id = done.model, done.room_id
    entry = models.setdefault(model.id, {})
    _take_from_room(entry, model)
    _set_removed(entry, room_id, None)
    rooms = _rooms(entry)
    entry["rooms"] = {room_id: model.alias, **rooms}
    if room_id not in rooms and model.alias and not entry.get("alias"):
        _assign_if_free(models, aliases, model.id, model.alias)
    checkpoint = checkpoint_of(note.name for note in done.files)
    entry |= {
        "local_path": str(done.folder),
        "checkpoint_path": str(done.folder / checkpoint) if checkpoint else None,
        "downloaded_at": now_text,
        "room": room_id,
        "size_bytes": model.storage.size_bytes,
        "files": to_entry(done.files),
        "tags": entry.get("tags") or list(model.tags),
        "notes": entry.get("notes") or model.notes,
    }
    if "local" in entry:  # the existing tool's word for files on this machine
        entry["local"] = True


def removed_from(entry: Entry) -> dict[str, str]:
    """Return when rooms removed a model that is still here, by room."""
    removed = entry.get("removed")
    return dict(removed) if isinstance(removed, dict) else {}


def _found(room: Manifest) -> dict[str, ManifestModel]:
    """Return the models of a room that can be entered here."""
    return {
        model_id: model
        for model_id, model in room.models.items()
        if model_id == model.id and model.deleted_at is None and is_model_id(model_id)
    }


def _shown_aliases(room: Manifest, found: Mapping[str, ManifestModel]) -> dict[str, str]:
    """Return the alias of each model: the one that it shows if the room's map agrees, else the first."""
    own: dict[str, list[str]] = {}
    for alias, model_id in sorted(room.aliases.items()):
        own.setdefault(model_id, []).append(alias)
    shown = {}
    for model_id, names in own.items():
        if model := found.get(model_id):
            shown[model_id] = model.alias if model.alias in names else names[0]
    return shown


def _rooms(entry: Entry) -> dict[str, str | None]:
    rooms = entry.get("rooms")
    return dict(rooms) if isinstance(rooms, dict) else {}


def _set_removed(entry: Entry, room_id: str, model: ManifestModel | None) -> None:
    removed = {room: when for room, when in removed_from(entry).items() if room != room_id}
    if model is not None and model.deleted_at is not None:
        removed[room_id] = model.deleted_at.isoformat()
    if removed:
        entry["removed"] = removed
    else:
        entry.pop("removed", None)


def _is_nowhere(entry: Entry) -> bool:
    """Tell whether no place is left where the model is, and the user wrote nothing about it."""
    keeps = ("local_path", "downloaded_at", "imported_at", "on_worker", "rooms", "notes", "tags")
    return not any(entry.get(name) for name in keeps)


def _assign_if_free(models: dict[str, Entry], aliases: dict[str, str], model_id: str, alias: str) -> None:
    if not alias_problem(alias) and alias_owner(models, aliases, alias) is None and alias not in models:
        assign_alias(models, aliases, model_id, alias)


def _take_from_room(entry: Entry, model: ManifestModel) -> None:
    # A curve is for drawing and as long as the training; the room's view has it.
    metrics: dict[str, Any] = {key: value for key, value in model.training.metrics.items() if key != "curve"}
    told = {
        "id": model.id,
        "model_type": model.model_type,
        "source": "worker-pull",
        "size_bytes": model.storage.size_bytes,
        "created_at": model.training.trained_at.isoformat(),
        "metrics": metrics or None,
    }
    facts = {name: value for name, value in told.items() if value is not None}
    if not entry:
        entry |= {**facts, "alias": None, "local_path": None, "checkpoint_path": None}
        add_defaults(entry)
    elif entry.get("local_path"):
        entry |= {name: value for name, value in facts.items() if entry.get(name) is None}
    else:
        entry |= {**facts, "source": entry.get("source") or facts["source"]}
