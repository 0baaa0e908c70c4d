"""Orchestration: what people may do with the models of a room: look, name, tag, remove, repair.

Whoever calls has seen to it that the caller may do it. A model is named by its id, an alias, a name's version
or an id of the existing tool; what changes it goes by its id from then on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sleap_rtc.events.availability import held_by, holders_of, serving, with_availability
from sleap_rtc.events.model_page import model_details, model_page
from sleap_rtc.events.registry_api import (
    AliasesView,
    DiffView,
    GarbageView,
    OrphanView,
    RepairView,
    RevisionView,
)
from sleap_rtc.events.workers import peers_with
from sleap_rtc.service.worker_presences import worker_presences
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents, DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import Manifest
from sleap_rtc.storage.manifest_changes import ModelRemoved, find_model
from sleap_rtc.storage.registry_changes import (
    AliasRemoved,
    AliasSet,
    Noted,
    Recovered,
    Removed,
    Restored,
    Tagged,
    VersionAdded,
)
from sleap_rtc.storage.room import Room

if TYPE_CHECKING:
    from sleap_rtc.events.availability import Holders
    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.registry_api import ChangeModel, CollectGarbage, ModelDetails, ModelPage, SetAlias
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.storage.manifest import ModelRecord
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.orphans import Orphan
    from sleap_rtc.storage.registry_changes import RegistryChange
    from sleap_rtc.storage.rooms_storage import RoomsStorage


class Models:
    """The models of all rooms, as people see and change them.

    Args:
        objects: the rooms bucket.
        storages: what is in it, room by room.
        feed: tells the room.
    """

    def __init__(self, objects: ObjectStore, storages: RoomsStorage, feed: RoomFeed) -> None:
        self._objects = objects
        self._rooms = Documents(objects, Room)
        self._feed = feed
        self._storages = storages

    def manifest(self, room_id: str) -> Manifest:
        """Return the room's manifest, which says who can serve its models now."""
        manifest = self._storages.of(room_id).manifest()
        return with_availability(manifest, worker_presences(self._objects, room_id), datetime.now(UTC))

    def peers(self, room_id: str, model_id: str) -> list[str]:
        """Return the live peers that read a model out, the best one to ask first."""
        return peers_with(worker_presences(self._objects, room_id), model_id, datetime.now(UTC))

    def page(self, room_id: str, most: int, **wanted: Any) -> ModelPage:
        """Return the newest models, or those that `model_page` is asked for. Raises NotFound."""
        page = model_page(self._storages.of(room_id).manifest(), most, **wanted)
        holders = self._holders(room_id)  # of all models of a large room it would take longer than the rest
        return page.model_copy(update={"models": [held_by(model, holders) for model in page.models]})

    def details(self, room_id: str, name: str) -> ModelDetails:
        """Return a model and its own record. Raises NotFound, ModelRemoved."""
        manifest = self._storages.of(room_id).manifest()
        return self._details(manifest, find_model(manifest, name).id)

    def aliases(self, room_id: str) -> AliasesView:
        """Return which model each alias names."""
        manifest = self._storages.of(room_id).manifest()
        return AliasesView(revision=manifest.revision, aliases=manifest.aliases)

    def set_alias(self, room_id: str, alias: str, asked: SetAlias, caller: Caller) -> ModelDetails:
        """Let an alias name a model. Raises NotFound, ModelRemoved, AliasMoved, NameRefused."""
        model_id = self._found(room_id, asked.model)
        change = AliasSet(alias=alias, model_id=model_id, expected=asked.expected)
        return self._changed(room_id, model_id, caller, change)

    def remove_alias(self, room_id: str, alias: str, expected: str, caller: Caller) -> AliasesView:
        """Take an alias off the model that the caller saw it at. Raises AliasMoved."""
        self._change(room_id, AliasRemoved(alias=alias, expected=expected), caller)
        return self.aliases(room_id)

    def add_version(self, room_id: str, name: str, model: str, caller: Caller) -> ModelDetails:
        """Make a model the next version of a name. Raises NotFound, ModelRemoved, NameRefused."""
        model_id = self._found(room_id, model)
        return self._changed(room_id, model_id, caller, VersionAdded(name=name, model_id=model_id))

    def change(self, room_id: str, model: str, asked: ChangeModel, caller: Caller) -> ModelDetails:
        """Change a model's tags and notes. Raises NotFound, ModelRemoved, TagRefused."""
        model_id = self._found(room_id, model)
        changes: list[RegistryChange] = []
        if asked.add_tags or asked.remove_tags:
            add, remove = tuple(asked.add_tags), tuple(asked.remove_tags)
            changes.append(Tagged(model_id=model_id, add=add, remove=remove))
        if asked.notes is not None:
            changes.append(Noted(model_id=model_id, notes=asked.notes))
        return self._changed(room_id, model_id, caller, *changes)

    def remove(self, room_id: str, model: str, caller: Caller) -> ModelDetails:
        """Hide a model; hiding it twice is harmless. Raises NotFound."""
        model_id = self._found(room_id, model, even_removed=True)
        return self._changed(room_id, model_id, caller, Removed(model_id=model_id))

    def restore(self, room_id: str, model: str, caller: Caller) -> ModelDetails:
        """Show a removed model again; a model that is shown stays so. Raises NotFound."""
        model_id = self._found(room_id, model, even_removed=True)
        return self._changed(room_id, model_id, caller, Restored(model_id=model_id))

    def history(self, room_id: str, most: int) -> list[RevisionView]:
        """Return who changed what, the newest first."""
        people = self._people(room_id)
        return [
            RevisionView(
                revision=entry.revision, at=entry.at, by=people.name_of(entry.by), what=entry.change.words()
            )
            for entry in self._storages.of(room_id).history(most)
        ]

    def diff(self, room_id: str, before: int, after: int | None) -> DiffView:
        """Return what changed between two revisions, the newest where none is given. Raises NotFound."""
        room = self._storages.of(room_id)
        last = room.manifest().revision if after is None else after
        return DiffView(before=before, after=last, changes=list(room.diff(before, last)))

    def collect_garbage(self, room_id: str, asked: CollectGarbage) -> GarbageView:
        """Return the model folders that no revision names, and delete them if that is asked for.

        Raises:
            NotFound: the room has neither a manifest nor a log.
        """
        room, grace, now = self._storages.of(room_id), timedelta(hours=asked.grace_h), datetime.now(UTC)
        orphans = room.gc(grace, now) if asked.delete else room.orphans(grace, now)
        return GarbageView(deleted=asked.delete, orphans=[_orphan_view(orphan) for orphan in orphans])

    def repair(self, room_id: str, caller: Caller) -> RepairView:
        """Bring a lost or damaged manifest back, and into it whole models that it does not name.

        Raises:
            DocumentUnreadable: an entry of the log is damaged.
            DocumentTooNew: the manifest, or its log, is of a newer version.
        """
        room, now = self._storages.of(room_id), datetime.now(UTC)
        seen = self._seen(room_id)
        manifest = room.repair(caller.subject, now)
        newest = room.history(1) if manifest.updated_at == now else []
        recovered = newest[0].change.records if newest and isinstance(newest[0].change, Recovered) else ()
        if recovered:
            self._tell(room_id, newest[0].change, manifest, caller)
        found, done = _told(seen, manifest.revision - bool(recovered))
        if recovered:
            ids = ", ".join(record.model_id for record in recovered)
            found.append(f"Whole models that it does not name: {ids}.")
            done.append(f"They were put into it, as revision {manifest.revision}.")
        return RepairView(revision=manifest.revision, models=len(manifest.models), found=found, done=done)

    def _seen(self, room_id: str) -> int | str:
        """Return the revision that the manifest shows, or in a word why it shows none."""
        try:
            return Documents(self._objects, Manifest).read(keys.manifest_key(room_id)).value.revision
        except NotFound:
            return "gone"
        except DocumentTooNew:
            raise
        except DocumentUnreadable:
            return "damaged"

    def _found(self, room_id: str, name: str, *, even_removed: bool = False) -> str:
        try:
            return self._storages.of(room_id).get_model(name).id
        except ModelRemoved as removed:
            if even_removed:
                return removed.model_id
            raise

    def _changed(self, room_id: str, model_id: str, caller: Caller, *changes: RegistryChange) -> ModelDetails:
        for change in changes:
            self._change(room_id, change, caller)
        return self._details(self._storages.of(room_id).manifest(), model_id)

    def _change(self, room_id: str, change: RegistryChange, caller: Caller) -> None:
        now = datetime.now(UTC)
        manifest = self._storages.of(room_id).change(change, caller.subject, now)
        if manifest.updated_at == now:  # otherwise there was nothing to change
            self._tell(room_id, change, manifest, caller)

    def _tell(self, room_id: str, change: RegistryChange, manifest: Manifest, caller: Caller) -> None:
        now = datetime.now(UTC)
        key = f"models/{manifest.revision}"
        self._feed.tell_change(room_id, key, change.kind, change.words(), caller.name, now)

    def _people(self, room_id: str) -> Room:
        return self._rooms.read(keys.room_key(room_id)).value

    def _details(self, manifest: Manifest, model_id: str) -> ModelDetails:
        by = self._people(manifest.room_id).name_of(manifest.models[model_id].training.trained_by)
        details = model_details(manifest, model_id, self._record(manifest, model_id), by)
        return details.model_copy(update={"model": held_by(details.model, self._holders(manifest.room_id))})

    def _holders(self, room_id: str) -> Holders:
        return holders_of(serving(worker_presences(self._objects, room_id), datetime.now(UTC)))

    def _record(self, manifest: Manifest, model_id: str) -> ModelRecord | None:
        model_type = manifest.models[model_id].model_type
        folder = keys.ModelFolder(manifest.room_id, model_type, model_id)
        try:
            return self._storages.of(manifest.room_id).read_record(folder)
        except (NotFound, ValidationError):
            return None


def _told(seen: int | str, revision: int) -> tuple[list[str], list[str]]:
    """Say of the manifest what was found and what was done."""
    if seen == "gone" and not revision:
        return ["There is no manifest and no log."], []
    if seen == "gone":
        return ["The manifest was gone."], [f"It was rebuilt from the log, at revision {revision}."]
    if seen == "damaged":
        aside = "It was put aside in the room's folder `damaged`"
        rebuilt = (
            f"rebuilt from the log, at revision {revision}" if revision else "nothing is left of its log"
        )
        return ["The manifest was damaged."], [f"{aside}, and {rebuilt}."]
    if seen != revision:
        return [f"The manifest showed revision {seen}."], [f"It was brought up to revision {revision}."]
    return [f"The manifest is whole, at revision {revision}."], []


def _orphan_view(orphan: Orphan) -> OrphanView:
    return OrphanView(folder=str(orphan.folder), size_bytes=orphan.size_bytes, modified=orphan.modified)
