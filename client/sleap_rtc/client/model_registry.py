"""Orchestration: the models that a scientist has on this machine, and the names they go by."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sleap_rtc.client.model_alias import (
    alias_owner,
    assign_alias,
    release_alias,
    strip_alias,
    suggest_alias,
)
from sleap_rtc.client.model_entry import Entry, json_copy, new_entry, select_entries
from sleap_rtc.client.model_files import delete_model_files
from sleap_rtc.client.registry_errors import InvalidAliasError, InvalidModelError, ModelNotFoundError
from sleap_rtc.client.registry_file import MemoryRegistryFile, RegistryFile
from sleap_rtc.client.room_merge import RoomMerge, enter_download, is_merged, merge_room
from sleap_rtc.storage.model_name import alias_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from sleap_rtc.client.registry_file import Aliases, Models
    from sleap_rtc.client.room_merge import Downloaded
    from sleap_rtc.client.room_view import RoomView
    from sleap_rtc.storage.manifest import Manifest

Entries: TypeAlias = list[Entry]  # in the class, `list` is the method

_log = logging.getLogger(__name__)


class ClientModelRegistry:
    """The models on this computer, by id, and the aliases they go by. What is returned is a copy.

    Several processes may use one file: every change is made on what the file holds at that moment, under a
    lock, and appears in it whole or not at all.

    Args:
        registry_path: the manifest, by default ``~/.sleap-rtc/models/manifest.json``; it need not exist. The
            directory it is in is ``models_dir``, for models' files.
        cache_only: start from what the files hold and keep every change in this object alone. Nothing on the
            disk is created, changed or deleted.
        clock: tells the local time for entries and backups.
        lock_timeout_s: how long a change waits for other processes.

    Raises:
        RegistryError: By every method; `sleap_rtc.client.registry_errors` has one kind for each reason.
    """

    def __init__(
        self,
        registry_path: Path | None = None,
        *,
        cache_only: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
        lock_timeout_s: float = 30.0,
    ) -> None:
        self.registry_path = Path(registry_path or Path.home() / ".sleap-rtc" / "models" / "manifest.json")
        self.models_dir = self.registry_path.parent
        self.cache_only = cache_only
        self._clock = clock
        kind = MemoryRegistryFile if cache_only else RegistryFile
        self._file = kind(self.registry_path, self._now_text, lock_timeout_s)

    def register(self, model_info: Mapping[str, Any]) -> str:
        """Add a model by the fields of its entry, at least ``id`` and ``model_type``, and return its id.

        One with the same id is overwritten, with a warning; its alias stays if none is given. An alias that
        another model has moves to this one, with a warning.
        """
        entry = new_entry(model_info, self._now_text())
        model_id: str = entry["id"]
        alias = entry.get("alias")
        with self._file.changing() as (models, aliases):
            if model_id in models:
                _log.warning("model %s is registered already and is overwritten", model_id)
                if models[model_id].get("alias"):
                    entry["alias"] = models[model_id]["alias"]
            models[model_id] = entry
            if alias:
                _move_alias(models, aliases, model_id, alias)
        return model_id

    def get(self, model_id: str) -> Entry | None:
        """Return a model's entry, or None if there is no such id."""
        return self.get_all_models().get(model_id)

    def exists(self, model_id: str) -> bool:
        """Tell whether there is a model with this id."""
        return model_id in self.get_all_models()

    def get_all_models(self) -> dict[str, Entry]:
        """Return entries by id."""
        return self._file.load()[0]

    def list(self, filters: Mapping[str, Any] | None = None) -> Entries:
        """Return entries, the one downloaded or imported last first.

        Args:
            filters: what entries must match: ``model_type``, ``source``, ``has_alias`` (True or False),
                ``location`` (``local-only``, ``worker-only`` or ``both``).

        Raises:
            ValueError: There is no such filter or location.
        """
        return select_entries(self.get_all_models().values(), filters or {})

    def update(self, model_id: str, updates: Mapping[str, Any]) -> None:
        """Change fields of a model. An ``alias`` moves as in `register`; None takes it off."""
        fields = json_copy(updates)
        with self._file.changing() as (models, aliases):
            _check_known(models, model_id)
            if fields.get("id", model_id) != model_id:
                raise InvalidModelError(reason=f"the id of model {model_id} cannot be changed")
            alias = fields.pop("alias", None)
            if alias:
                _move_alias(models, aliases, model_id, alias)
            elif "alias" in updates:
                strip_alias(models, aliases, model_id)
            models[model_id] |= fields

    def delete(self, model_id: str, delete_files: bool = False) -> None:
        """Forget a model, and delete its files if asked to, see `delete_model_files`."""
        with self._file.changing() as (models, aliases):
            _check_known(models, model_id)
            # Files go first: should this be cut short, the entry is there to ask for it again.
            if delete_files and not self.cache_only:
                delete_model_files(self.models_dir, model_id, models)
            strip_alias(models, aliases, model_id)
            del models[model_id]

    def get_all_aliases(self) -> dict[str, str]:
        """Return ids by alias, in the file's order."""
        return self._file.load()[1]

    def list_aliases(self, sort: bool = True) -> dict[str, str]:
        """Return ids by alias, in the alphabet's order or in the file's."""
        aliases = self.get_all_aliases()
        return dict(sorted(aliases.items())) if sort else aliases

    def set_alias(self, model_id: str, alias: str, force: bool = False) -> bool:
        """Give a model an alias in place of the one it has, and tell whether that was done.

        It is not if another model has the alias, unless ``force`` takes it from there.
        """
        with self._file.changing() as (models, aliases):
            _check_known(models, model_id)
            _check_alias(models, alias)
            if not force and alias_owner(models, aliases, alias) not in (None, model_id):
                return False
            assign_alias(models, aliases, model_id, alias)
            return True

    def remove_alias(self, alias: str) -> bool:
        """Take an alias off its model, which stays; tell whether there was such an alias."""
        with self._file.changing() as (models, aliases):
            known = alias in aliases
            release_alias(models, aliases, alias)
            return known

    def get_by_alias(self, alias: str) -> Entry | None:
        """Return the entry of the model with this alias, or None."""
        models, aliases = self._file.load()
        owner = alias_owner(models, aliases, alias)
        return models[owner] if owner is not None else None

    def resolve(self, identifier: str) -> str | None:
        """Return the id of the model that an id or an alias stands for, or None. An id wins over an alias."""
        models, aliases = self._file.load()
        return identifier if identifier in models else alias_owner(models, aliases, identifier)

    def suggest_alias(self, base_text: str, model_type: str | None = None) -> str:
        """Propose a valid alias that no model has, see `sleap_rtc.client.model_alias.suggest_alias`."""
        models, aliases = self._file.load()
        return suggest_alias(base_text, model_type, aliases.keys() | models.keys())

    def refresh_from_room(self, room_id: str, manifest: Manifest, when: datetime) -> RoomMerge:
        """Merge all that a room has into the registry, see `merge_room`, and keep what it said.

        An older state of the room than the one that is kept changes nothing: another process was faster.

        Args:
            room_id: the room.
            manifest: what it answered.
            when: it was asked.

        Raises:
            ValueError: ``when`` has no time zone, or the manifest is another room's.
        """
        from sleap_rtc.client.room_view import RoomView

        if manifest.room_id != room_id:
            raise ValueError(f"This is the manifest of room {manifest.room_id}, not of {room_id}.")
        if when.tzinfo is None:
            raise ValueError("The time of a refresh needs a time zone.")
        view = RoomView(asked_at=when.astimezone(UTC), manifest=manifest)
        with self._file.locked():
            held, merge = self.room_view(room_id), RoomMerge(*self._file.load_held())
            if held is not None and held.supersedes(view):
                return merge
            # Most questions find a room as it was, and a large one takes seconds to merge.
            if held is None or not held.is_of(manifest) or not is_merged(merge.models, manifest):
                with self._file.editing() as (entries, aliases):
                    merge = merge_room(entries, aliases, manifest)
                    entries.clear()
                    entries.update(merge.models)
                    aliases.clear()
                    aliases.update(merge.aliases)
            # Last, so that a crash in between makes the room be asked again.
            self._file.save_view(room_id, view.model_dump_json().encode())
        return merge

    def room_view(self, room_id: str) -> RoomView | None:
        """Return what a room said when it was asked last, or None if that is not known."""
        from sleap_rtc.client.room_view import read_view

        return read_view(self._file.load_view(room_id), room_id)

    def last_refresh(self, room_id: str) -> datetime | None:
        """Return when a room was last asked for its models, in UTC, or None if that is not known."""
        view = self.room_view(room_id)
        return view.asked_at.astimezone(UTC) if view else None

    def age(self, room_id: str, now: datetime) -> timedelta | None:
        """Return how old what is known of a room is; below zero if the clock was set back since."""
        last = self.last_refresh(room_id)
        return now - last if last else None

    def enter_download(self, done: Downloaded) -> None:
        """Enter a model whose files are all here and verified, see `enter_download`."""
        with self._file.changing() as (models, aliases):
            enter_download(models, aliases, done, self._now_text())

    def _now_text(self) -> str:
        # The existing tool compares these texts, and writes local time without a zone.
        return self._clock().replace(tzinfo=None).isoformat()


def _check_known(models: Models, model_id: str) -> None:
    if model_id not in models:
        raise ModelNotFoundError(model_id=model_id)


def _check_alias(models: Models, alias: object) -> None:
    reason = alias_problem(alias) if isinstance(alias, str) else "it is not a text"
    if reason is None and alias in models:
        reason = "it is the id of a model"
    if reason is not None:
        raise InvalidAliasError(alias=alias, reason=reason)


def _move_alias(models: Models, aliases: Aliases, model_id: str, alias: str) -> None:
    _check_alias(models, alias)
    owner = alias_owner(models, aliases, alias)
    if owner not in (None, model_id):
        _log.warning("alias %s moves from model %s to model %s", alias, owner, model_id)
    assign_alias(models, aliases, model_id, alias)
