"""Adapter: the models that a scientist has, in a file that the existing tool shares.

::

    ~/.sleap-rtc/models/                made with mode 0700
    ├── manifest.json                   {"version": "1.0", "models": {id: entry}, "aliases": {alias: id}}
    ├── manifest.json.lock              held around every change
    ├── manifest.json.backup.<time>     what was there when a manifest could not be understood
    ├── manifest.json.<random>.tmp      a change on its way; left behind only by a crash
    ├── manifest.refresh.json           {"version": "1.0", "rooms": {room_id: time of the last refresh}}
    └── <model type>_<id>/              a model's files, or a link to them

The manifest is the existing tool's, byte for byte where nothing changed; what this project adds (when a room
was last asked) has a file of its own. An entry may carry fields that this version does not know: they stay.

Errors::

    RegistryError
    ├── ModelNotFoundError (KeyError)
    ├── InvalidModelError (ValueError)
    ├── InvalidAliasError (ValueError)
    ├── ModelFilesKeptError
    ├── RegistryVersionError
    ├── RegistryBusyError
    ├── RegistryUnreadableError
    └── RegistryUnwritableError
"""

import copy
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from sleap_rtc.client.model_alias import (
    alias_owner,
    alias_problem,
    assign_alias,
    release_alias,
    strip_alias,
    suggest_alias,
)

Entry: TypeAlias = dict[str, Any]
Entries: TypeAlias = list[Entry]
Document: TypeAlias = dict[str, Any]

REGISTRY_VERSION = "1.0"
LOCATIONS = ("local-only", "worker-only", "both")
FILTERS = ("model_type", "source", "location", "has_alias")

_log = logging.getLogger(__name__)


class RegistryError(Exception):
    """The model registry could not do what it was asked to."""

    def __str__(self) -> str:
        text = type(self).__doc__ or type(self).__name__
        return " ".join(text.split()).format_map(vars(self))


class ModelNotFoundError(RegistryError, KeyError):
    """There is no model {model_id} in the registry. List the models to see the ids and aliases that are."""

    def __init__(self, model_id: str) -> None:
        super().__init__(model_id)
        self.model_id = model_id


class InvalidModelError(RegistryError, ValueError):
    """The registry cannot hold this model: {reason}."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidAliasError(RegistryError, ValueError):
    """Alias {alias!r} cannot be used: {reason}."""

    def __init__(self, alias: object, reason: str) -> None:
        super().__init__(alias, reason)
        self.alias = alias
        self.reason = reason


class ModelFilesKeptError(RegistryError):
    """The files of model {model_id} at {path} were not deleted: {reason}.

    The registry is unchanged. Delete the files yourself, or delete the model without its files.
    """

    def __init__(self, model_id: str, path: str, reason: str) -> None:
        super().__init__(model_id, path, reason)
        self.model_id = model_id
        self.path = path
        self.reason = reason


class RegistryVersionError(RegistryError):
    """{path} has version {version} and this program writes 1.0, so it was left as it is.

    A newer program wrote it: update this one, or use the newer one to change the registry.
    """

    def __init__(self, path: Path, version: object) -> None:
        super().__init__(path, version)
        self.path = path
        self.version = version


class RegistryBusyError(RegistryError):
    """{path} was in use by another program for {waited_s:g} s; nothing was changed. Try again."""

    def __init__(self, path: Path, waited_s: float) -> None:
        super().__init__(path, waited_s)
        self.path = path
        self.waited_s = waited_s


class RegistryUnreadableError(RegistryError):
    """{path} could not be read: {reason}. Check its permissions and those of its directory."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


class RegistryUnwritableError(RegistryError):
    """{path} could not be written: {reason}. What it held before is intact.

    Check its permissions, those of its directory, and the free space.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


class _CorruptManifest(Exception):
    """Inside this module only: a manifest holds no registry."""


@dataclass(frozen=True, slots=True)
class RoomModel:
    """A model as a room's storage lists it.

    Attributes:
        model_id: 8 to 64 lower-case hexadecimal digits.
        model_type: For example ``centroid``.
        alias: The name it has in the room.
        size_bytes: Size of all its files.
        created_at: When training ended.
        metrics: Whatever was measured, by name.

    Raises:
        InvalidModelError: The id is not one.
    """

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
    """What a registry holds once a room's models are merged into it.

    Attributes:
        models: Entries by id.
        aliases: Ids by alias.
        added: Ids that the registry did not know, sorted.
        gone: Ids that it knew only from this room, which no longer has them, sorted.
    """

    models: dict[str, Entry]
    aliases: dict[str, str]
    added: tuple[str, ...]
    gone: tuple[str, ...]


def check_model_id(model_id: object) -> None:
    """Check an id's shape: 8 hexadecimal digits as the existing tool makes them, or up to 64.

    Raises:
        InvalidModelError: It is anything else.
    """
    if not isinstance(model_id, str) or not re.fullmatch(r"[0-9a-f]{8,64}", model_id):
        raise InvalidModelError(f"its id must be 8 to 64 lower-case hexadecimal digits, not {model_id!r}")


def encode_manifest(document: Document) -> bytes:
    """Return a document in the existing tool's bytes: indent of 2, ASCII only, no line end at the end."""
    return json.dumps(document, indent=2).encode("ascii")


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

    Args:
        models: Entries by id; not changed.
        aliases: Ids by alias; not changed.
        room_id: The room.
        in_room: Every model the room has. The keys are not looked at, the models carry their ids.
    """
    merged, names = copy.deepcopy(dict(models)), dict(aliases)
    found = {model.model_id: model for model in in_room.values()}
    added = tuple(sorted(found.keys() - merged.keys()))
    wanted: dict[str, str] = {}
    # All releases come before all assignments, or two models could not swap their aliases.
    for model_id in [*merged, *added]:
        entry = merged.setdefault(model_id, {})
        model = found.get(model_id)
        rooms = _rooms(entry)
        before = rooms.pop(room_id, None)
        now = model.alias if model else None
        shared = before is not None and entry.get("alias") == before
        if shared and before != now and before not in rooms.values():
            strip_alias(merged, names, model_id)
        if model is not None:
            _take_from_room(entry, model)
            entry["rooms"] = {**_rooms(entry), room_id: now}
            if now and now != before and not entry.get("alias"):
                wanted[model_id] = now
        elif room_id in _rooms(entry):
            entry["rooms"] = rooms
    gone = tuple(sorted(i for i in merged if room_id in _rooms(models.get(i, {})) and _is_nowhere(merged[i])))
    for model_id in gone:
        strip_alias(merged, names, model_id)
        del merged[model_id]
    for model_id, alias in sorted(wanted.items()):
        if not alias_problem(alias) and alias_owner(merged, names, alias) is None and alias not in merged:
            assign_alias(merged, names, model_id, alias)
    return RoomMerge(merged, names, added, gone)


def _rooms(entry: Entry) -> dict[str, str | None]:
    rooms = entry.get("rooms")
    return dict(rooms) if isinstance(rooms, dict) else {}


def _is_nowhere(entry: Entry) -> bool:
    """Tell whether no place is left where the model is, and the user wrote nothing about it."""
    keeps = ("local_path", "downloaded_at", "imported_at", "on_worker", "rooms", "notes", "tags")
    return not any(entry.get(name) for name in keeps)


def _take_from_room(entry: Entry, model: RoomModel) -> None:
    facts: Entry = {"id": model.model_id, "model_type": model.model_type, "source": "worker-pull"}
    if model.size_bytes is not None:
        facts["size_bytes"] = model.size_bytes
    if model.created_at is not None:
        facts["created_at"] = model.created_at.isoformat()
    if model.metrics:
        facts["metrics"] = dict(model.metrics)
    if not entry:
        entry |= {**facts, "alias": None, "local_path": None, "checkpoint_path": None, **_defaults()}
    elif entry.get("local_path"):
        entry |= {name: value for name, value in facts.items() if entry.get(name) is None}
    else:
        entry |= {**facts, "source": entry.get("source") or facts["source"]}


def _defaults() -> Entry:
    return {"on_worker": False, "worker_last_seen": None, "worker_path": None, "notes": "", "tags": []}


class ClientModelRegistry:
    """The models on this computer and the names they go by.

    Several processes may use one file: every change is made on what the file holds at that moment, under a
    lock, and appears in it whole or not at all. Reading takes no lock. What is returned is a copy.

    A manifest that cannot be understood is kept as ``manifest.json.backup.<time>`` and a fresh one takes its
    place; a warning says so on the logger of this module. Nothing is created before the first change.

    Attributes:
        registry_path: The manifest.
        models_dir: The directory it is in, which models' files are in too.
        cache_only: Whether changes are only remembered by this object.
    """

    def __init__(
        self,
        registry_path: Path | None = None,
        *,
        cache_only: bool = False,
        clock: Callable[[], datetime] | None = None,
        lock_timeout_s: float = 30.0,
    ) -> None:
        """Name the file; it need not exist.

        Args:
            registry_path: The manifest, by default ``~/.sleap-rtc/models/manifest.json``.
            cache_only: Start from what the files hold and keep every change in this object alone. Nothing on
                the disk is created, changed or deleted.
            clock: Tells the local time for entries and backups; by default the computer's.
            lock_timeout_s: How long a change waits for other processes, in seconds.
        """
        default = Path.home() / ".sleap-rtc" / "models" / "manifest.json"
        self.registry_path = default if registry_path is None else Path(registry_path)
        self.models_dir = self.registry_path.parent
        self.cache_only = cache_only
        self._refresh_path = self.registry_path.with_name(f"{self.registry_path.stem}.refresh.json")
        self._clock = clock or _local_now
        self._lock_timeout_s = lock_timeout_s
        self._held: dict[Path, bytes | None] = {}

    # Models

    def register(self, model_info: Mapping[str, Any]) -> str:
        """Add a model. One with the same id is overwritten, with a warning; its alias stays if none is given.

        Args:
            model_info: The entry's fields, as JSON can hold them. ``id`` and ``model_type`` are required. An
                ``alias`` that another model has moves to this one, with a warning. ``on_worker``,
                ``worker_last_seen``, ``worker_path``, ``notes`` and ``tags`` have defaults, and
                ``downloaded_at`` (``imported_at`` if ``source`` is ``local-import``) is now, in local time.

        Returns:
            The model's id.

        Raises:
            InvalidModelError: A required field is missing, the id is not one, or JSON cannot hold a value.
            InvalidAliasError: The alias breaks a rule.
            RegistryError: The registry cannot be read or written.
        """
        entry = _plain(model_info)
        if not entry.get("id") or not entry.get("model_type"):
            raise InvalidModelError("it needs an 'id' and a 'model_type'")
        model_id: str = entry["id"]
        check_model_id(model_id)
        alias = entry.get("alias")
        entry.setdefault(
            "imported_at" if entry.get("source") == "local-import" else "downloaded_at", self._now_text()
        )
        for name, value in _defaults().items():
            entry.setdefault(name, value)
        with self._changing() as document:
            previous = document["models"].get(model_id)
            if previous is not None:
                _log.warning("model %s is registered already and is overwritten", model_id)
                if previous.get("alias"):
                    entry["alias"] = previous["alias"]
            document["models"][model_id] = entry
            if alias:
                _move_alias(document, model_id, alias)
        return model_id

    def get(self, model_id: str) -> Entry | None:
        """Return a model's entry, or None if there is no such id."""
        entry: Entry | None = self._load()["models"].get(model_id)
        return entry

    def list(self, filters: Mapping[str, Any] | None = None) -> Entries:
        """Return entries, the one downloaded or imported last first.

        Args:
            filters: What entries must match: ``model_type`` and ``source`` (equal), ``has_alias`` (True or
                False) and ``location``: ``local-only`` (here, not on a worker), ``worker-only`` or ``both``.
                A model that only a room has is at none of the three.

        Raises:
            ValueError: There is no such filter or location.
            RegistryError: The registry cannot be read.
        """
        wanted = dict(filters or {})
        if unknown := sorted(wanted.keys() - set(FILTERS)):
            raise ValueError(f"There is no filter {unknown[0]!r}; the filters are {', '.join(FILTERS)}.")
        if wanted.get("location", "both") not in LOCATIONS:
            raise ValueError(f"There is no location {wanted['location']!r}; they are {', '.join(LOCATIONS)}.")
        entries = [entry for entry in self._load()["models"].values() if _matches(entry, wanted)]
        return sorted(entries, key=_sort_time, reverse=True)

    def update(self, model_id: str, updates: Mapping[str, Any]) -> None:
        """Change fields of a model.

        Args:
            model_id: The model.
            updates: The fields' new values. An ``alias`` that another model has moves to this one, with a
                warning; None takes the alias off.

        Raises:
            ModelNotFoundError: There is no such model.
            InvalidModelError: ``id`` would change, or JSON cannot hold a value.
            InvalidAliasError: The alias breaks a rule.
            RegistryError: The registry cannot be read or written.
        """
        fields = _plain(updates)
        with self._changing() as document:
            entry = _entry(document, model_id)
            if fields.get("id", model_id) != model_id:
                raise InvalidModelError(f"the id of model {model_id} cannot be changed")
            alias = fields.pop("alias", None)
            if alias:
                _move_alias(document, model_id, alias)
            elif "alias" in updates:
                strip_alias(document["models"], document["aliases"], model_id)
            entry |= fields

    def delete(self, model_id: str, delete_files: bool = False) -> None:
        """Forget a model.

        Args:
            model_id: The model.
            delete_files: Delete ``local_path`` too: a directory with all that is in it, a link alone. Without
                effect if ``cache_only``.

        Raises:
            ModelNotFoundError: There is no such model.
            ModelFilesKeptError: ``local_path`` is outside ``models_dir``, holds files of another model, is
                no directory, or could not be deleted. The model is still registered.
            RegistryError: The registry cannot be read or written.
        """
        with self._changing() as document:
            _entry(document, model_id)
            # Files go first: should this be cut short, the entry is there to ask for it again.
            if delete_files and not self.cache_only:
                _delete_files(self.models_dir, model_id, document["models"])
            strip_alias(document["models"], document["aliases"], model_id)
            del document["models"][model_id]

    def exists(self, model_id: str) -> bool:
        """Tell whether there is a model with this id."""
        return model_id in self._load()["models"]

    def get_all_models(self) -> dict[str, Entry]:
        """Return entries by id."""
        models: dict[str, Entry] = self._load()["models"]
        return models

    # Aliases

    def get_all_aliases(self) -> dict[str, str]:
        """Return ids by alias, in the file's order."""
        return self.list_aliases(sort=False)

    def list_aliases(self, sort: bool = True) -> dict[str, str]:
        """Return ids by alias, in the alphabet's order or in the file's."""
        aliases: dict[str, str] = self._load()["aliases"]
        return dict(sorted(aliases.items())) if sort else aliases

    def set_alias(self, model_id: str, alias: str, force: bool = False) -> bool:
        """Give a model an alias in place of the one it has.

        Args:
            model_id: The model.
            alias: The alias, see `sleap_rtc.client.model_alias` for the rules.
            force: Take the alias from the model that has it.

        Returns:
            Whether it was set: False if another model has it and ``force`` is not given.

        Raises:
            ModelNotFoundError: There is no such model.
            InvalidAliasError: The alias breaks a rule.
            RegistryError: The registry cannot be read or written.
        """
        with self._changing() as document:
            _entry(document, model_id)
            _check_alias(document, alias)
            owner = alias_owner(document["models"], document["aliases"], alias)
            if owner not in (None, model_id) and not force:
                return False
            assign_alias(document["models"], document["aliases"], model_id, alias)
            return True

    def remove_alias(self, alias: str) -> bool:
        """Take an alias off its model, which stays; tell whether there was such an alias."""
        with self._changing() as document:
            known = alias in document["aliases"]
            release_alias(document["models"], document["aliases"], alias)
            return known

    def get_by_alias(self, alias: str) -> Entry | None:
        """Return the entry of the model with this alias, or None."""
        document = self._load()
        owner = alias_owner(document["models"], document["aliases"], alias)
        return document["models"][owner] if owner is not None else None

    def resolve(self, identifier: str) -> str | None:
        """Return the id of the model that an id or an alias stands for, or None. An id wins over an alias."""
        document = self._load()
        if identifier in document["models"]:
            return identifier
        return alias_owner(document["models"], document["aliases"], identifier)

    def suggest_alias(self, base_text: str, model_type: str | None = None) -> str:
        """Propose a valid alias that no model has, see `sleap_rtc.client.model_alias.suggest_alias`."""
        document = self._load()
        return suggest_alias(base_text, model_type, document["aliases"].keys() | document["models"].keys())

    # Rooms

    def refresh_from_room(self, room_id: str, models: Mapping[str, RoomModel], when: datetime) -> RoomMerge:
        """Merge all that a room has into the registry, see `merge_room`, and note the time.

        Args:
            room_id: The room.
            models: Every model that the room has.
            when: When the room was asked, with a time zone.

        Returns:
            The registry's new content and what was added and dropped.

        Raises:
            ValueError: ``when`` has no time zone.
            RegistryError: The registry cannot be read or written.
        """
        _check_aware(when)
        with self._changing() as document:
            merge = merge_room(document["models"], document["aliases"], room_id, models)
            document["models"], document["aliases"] = merge.models, merge.aliases
        # Last, so that a crash in between makes the room be asked again.
        self.mark_refreshed(room_id, when)
        return merge

    def mark_refreshed(self, room_id: str, when: datetime) -> None:
        """Note when a room was last asked for its models.

        Args:
            room_id: The room.
            when: The time, with a time zone.

        Raises:
            ValueError: ``when`` has no time zone.
            RegistryError: The note cannot be written.
        """
        _check_aware(when)
        with self._exclusive():
            document = self._load_refreshes()
            document["rooms"][room_id] = when.astimezone(UTC).isoformat()
            self._write(self._refresh_path, encode_manifest(document))

    def last_refresh(self, room_id: str) -> datetime | None:
        """Return when a room was last asked for its models, in UTC, or None if that is not known."""
        try:
            when = datetime.fromisoformat(self._load_refreshes()["rooms"][room_id])
        except (KeyError, TypeError, ValueError):
            return None
        return when.astimezone(UTC) if when.tzinfo else None

    # Files

    def _load(self) -> Document:
        try:
            return _decode(self.registry_path, self._read(self.registry_path))
        except _CorruptManifest:
            with self._exclusive():
                return self._load_or_start_afresh()

    def _load_or_start_afresh(self) -> Document:
        """Read the manifest with the lock held; one that makes no sense is backed up and replaced."""
        data = self._read(self.registry_path)
        try:
            return _decode(self.registry_path, data)
        except _CorruptManifest as why:
            fresh: Document = {"version": REGISTRY_VERSION, "models": {}, "aliases": {}}
            kept = "was not touched"
            if not self.cache_only:
                backup = f"{self.registry_path.name}.backup.{self._now_text().replace(':', '-')}"
                self._write(self.registry_path.with_name(backup), data or b"")
                kept = f"is kept as {backup}"
            self._write(self.registry_path, encode_manifest(fresh))
            _log.warning(
                "%s could not be understood (%s) and %s; the registry starts empty: import the models again",
                self.registry_path,
                why,
                kept,
            )
            return fresh

    def _load_refreshes(self) -> Document:
        # A lost note costs one more question to a room, so no backup and no complaint.
        try:
            document = json.loads(self._read(self._refresh_path) or b"{}")
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            document = {}
        rooms = document.get("rooms")
        return {"version": REGISTRY_VERSION, **document, "rooms": rooms if isinstance(rooms, dict) else {}}

    @contextmanager
    def _changing(self) -> Iterator[Document]:
        """Lend the document under the lock, and save it unless the block raises or changes nothing."""
        with self._exclusive():
            document = self._load_or_start_afresh()
            if not _is_ours(document.get("version")):
                raise RegistryVersionError(self.registry_path, document["version"])
            before = self._read(self.registry_path)
            document["version"] = REGISTRY_VERSION
            yield document
            after = encode_manifest(document)
            if after != before:
                self._write(self.registry_path, after)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        if self.cache_only:
            yield
            return
        # Imported here because reading needs no lock, and this takes longer than all else in this module.
        from filelock import FileLock, Timeout

        target = self.registry_path.resolve()
        lock = FileLock(target.with_name(f"{target.name}.lock"))
        try:
            self.models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire(timeout=self._lock_timeout_s)
        except Timeout:
            raise RegistryBusyError(self.registry_path, self._lock_timeout_s) from None
        except NotImplementedError:
            # Some network homes have no locks. Then the later of two changes wins, and the file stays whole.
            _log.warning("%s is on a file system without locks; use one process at a time", self.models_dir)
        except OSError as error:
            raise RegistryUnwritableError(self.registry_path, str(error)) from error
        try:
            yield
        finally:
            lock.release()

    def _read(self, path: Path) -> bytes | None:
        if self.cache_only and path in self._held:
            return self._held[path]
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RegistryUnreadableError(path, str(error)) from error

    def _write(self, path: Path, data: bytes) -> None:
        if self.cache_only:
            self._held[path] = data
            return
        try:
            _replace_file(path, data)
        except OSError as error:
            raise RegistryUnwritableError(path, str(error)) from error

    def _now_text(self) -> str:
        # The existing tool compares these texts, and writes local time without a zone.
        return self._clock().replace(tzinfo=None).isoformat()


def _local_now() -> datetime:
    return datetime.now(UTC).astimezone()


def _check_aware(when: datetime) -> None:
    if when.tzinfo is None:
        raise ValueError("The time of a refresh needs a time zone.")


def _plain(fields: Mapping[str, Any]) -> Entry:
    """Copy fields as they will be read back."""
    try:
        plain: Entry = json.loads(json.dumps(dict(fields)))
    except (TypeError, ValueError) as error:
        raise InvalidModelError(str(error)) from error
    return plain


def _entry(document: Document, model_id: str) -> Entry:
    entry: Entry | None = document["models"].get(model_id)
    if entry is None:
        raise ModelNotFoundError(model_id)
    return entry


def _check_alias(document: Document, alias: object) -> None:
    reason = alias_problem(alias) if isinstance(alias, str) else "it is not a text"
    if reason is None and alias in document["models"]:
        reason = "it is the id of a model"
    if reason is not None:
        raise InvalidAliasError(alias, reason)


def _move_alias(document: Document, model_id: str, alias: str) -> None:
    _check_alias(document, alias)
    owner = alias_owner(document["models"], document["aliases"], alias)
    if owner not in (None, model_id):
        _log.warning("alias %s moves from model %s to model %s", alias, owner, model_id)
    assign_alias(document["models"], document["aliases"], model_id, alias)


def _matches(entry: Entry, wanted: Mapping[str, Any]) -> bool:
    here = bool(entry.get("local", True) and entry.get("local_path", True))
    on_worker = bool(entry.get("on_worker"))
    places = {"local-only": (True, False), "worker-only": (False, True), "both": (True, True)}
    return (
        ("model_type" not in wanted or entry.get("model_type") == wanted["model_type"])
        and ("source" not in wanted or entry.get("source") == wanted["source"])
        and ("has_alias" not in wanted or bool(entry.get("alias")) == wanted["has_alias"])
        and ("location" not in wanted or (here, on_worker) == places[wanted["location"]])
    )


def _sort_time(entry: Entry) -> str:
    return str(entry.get("downloaded_at") or entry.get("imported_at") or entry.get("created_at") or "")


def _is_ours(version: object) -> bool:
    """Tell whether this program may write a document: of its own version, an older one, or none."""
    if version is None:
        return True
    number = re.fullmatch(r"(\d+)(?:\.(\d+))?", str(version))
    return number is not None and (int(number[1]), int(number[2] or 0)) <= (1, 0)


def _decode(path: Path, data: bytes | None) -> Document:
    """Parse a manifest; none at all is an empty one."""
    if data is None:
        return {"version": REGISTRY_VERSION, "models": {}, "aliases": {}}
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _CorruptManifest(str(error)) from None
    if not isinstance(document, dict):
        raise _CorruptManifest("it is not a JSON object")
    models, aliases = document.setdefault("models", {}), document.setdefault("aliases", {})
    if (
        isinstance(models, dict)
        and all(isinstance(entry, dict) for entry in models.values())
        and isinstance(aliases, dict)
        and all(isinstance(model_id, str) for model_id in aliases.values())
    ):
        return document
    if not _is_ours(document.get("version")):
        # It may make sense to the program that wrote it, so it is no case for a backup.
        raise RegistryVersionError(path, document["version"])
    raise _CorruptManifest("its models or aliases are not what a registry has")


def _replace_file(path: Path, data: bytes) -> None:
    """Put bytes in place of a file, whole or not at all, even if somebody else does so at the same time."""
    target = path.resolve()  # a link, as dotfile managers make them, stays a link
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        # The new name must be on the disk too before the change counts as made.
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _place(local_path: object) -> Path | None:
    """Return where an entry's files are, every link on the way followed but the last."""
    try:
        path = Path(str(local_path)).expanduser().absolute()
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError):
        return None


def _delete_files(models_dir: Path, model_id: str, models: Mapping[str, Entry]) -> None:
    local_path = models[model_id].get("local_path")
    if not local_path:
        return
    place = _place(local_path)
    if place is None or place.name == ".." or models_dir.resolve() not in place.parents:
        raise ModelFilesKeptError(model_id, local_path, f"that is outside {models_dir}")
    others = {i: _place(e["local_path"]) for i, e in models.items() if i != model_id and e.get("local_path")}
    for other_id, other in others.items():
        if other is not None and (other == place or place in other.parents or other in place.parents):
            raise ModelFilesKeptError(model_id, local_path, f"files of model {other_id} are there too")
    try:
        if place.is_symlink():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)
        elif place.exists():
            raise ModelFilesKeptError(model_id, local_path, "that is not a directory")
    except OSError as error:
        raise ModelFilesKeptError(model_id, local_path, str(error)) from error
