"""Orchestration: what a room holds, read and changed through conditional writes.

Every change is one conditional write of the manifest, then one entry of the immutable log. A manifest that is
gone goes on from the log's newest entry; one that cannot be read is left as it is, and nothing changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from sleap_rtc.storage import keys, manifest_changes
from sleap_rtc.storage.document import Documents, Versioned
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import (
    Manifest,
    ManifestModel,
    ModelRecord,
    model_id_of,
    with_lost_models,
    with_model,
)
from sleap_rtc.storage.manifest_history import ManifestHistory
from sleap_rtc.storage.orphans import Orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta

    from sleap_rtc.storage.manifest_history import Revision
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.orphans import Orphan


class RoomStorage:
    """The models of one room.

    The methods that change something take the time of the change, and may be called twice. Each may raise
    DocumentUnreadable (the manifest is damaged or of a newer version) and PreconditionFailed (too many
    writers for too long); what else a change may raise stands at its rule in `manifest_changes`.

    Args:
        room_id: the room.
        store: the rooms bucket.
        bucket: its name, for the paths that the manifest shows.
    """

    def __init__(self, room_id: str, store: ObjectStore, bucket: str) -> None:
        self.room_id = room_id
        self._store = store
        self._bucket = bucket
        self._manifests = Documents(store, Manifest)
        self._log = ManifestHistory(room_id, store)
        self._held: Versioned[Manifest] | None = None

    def manifest(self) -> Manifest:
        """Return the current view; an empty one for a room that has published nothing.

        One that is as it was when it was read last costs a HEAD: reading 10,000 models takes half a second.
        """
        key = keys.manifest_key(self.room_id)
        held = self._held
        try:
            if held is None or self._store.head(key).etag != held.etag:
                self._held = held = self._manifests.read(key)
        except NotFound:
            return Manifest(room_id=self.room_id)
        return held.value

    def list_models(self, *, tag: str | None = None, model_type: str | None = None) -> list[ManifestModel]:
        """Return the models that were not removed, newest first, of one tag or type if it is given."""
        return manifest_changes.list_models(self.manifest(), tag=tag, model_type=model_type)

    def get_model(self, name: str) -> ManifestModel:
        """Return a model by its id, its alias, or a name's version: `flies@2`, `flies@latest`.

        Raises:
            NotFound: the room has no such model.
            ModelRemoved: it had.
        """
        return manifest_changes.find_model(self.manifest(), name)

    def read_record(self, folder: keys.ModelFolder) -> ModelRecord:
        """Return a model's own record.

        Raises:
            NotFound: it has none, so it was never wholly uploaded.
            ValidationError: it is not a record.
        """
        return ModelRecord.model_validate_json(self._store.get(folder.record).body)

    def publish_model(self, record: ModelRecord, now: datetime) -> Versioned[Manifest]:
        """Put a model into the manifest; doing it twice changes nothing."""
        return self._change(lambda manifest: with_model(manifest, record, self._bucket, now))

    def set_alias(self, alias: str, model_id: str, expected: str | None, now: datetime) -> Manifest:
        """Let an alias name a model, if it names the model that the caller saw it at (None: no model)."""
        return self._change(
            lambda manifest: manifest_changes.with_alias(manifest, alias, model_id, expected, now)
        ).value

    def remove_alias(self, alias: str, expected: str, now: datetime) -> Manifest:
        """Take an alias off the model that the caller saw it at."""
        return self._change(
            lambda manifest: manifest_changes.without_alias(manifest, alias, expected, now)
        ).value

    def add_version(self, name: str, model_id: str, now: datetime) -> Manifest:
        """Make a model the next version of a name."""
        return self._change(
            lambda manifest: manifest_changes.with_version(manifest, name, model_id, now)
        ).value

    def tag(
        self, model_id: str, now: datetime, *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> Manifest:
        """Give a model tags and take some from it."""
        more, less = tuple(add), tuple(remove)
        return self._change(
            lambda manifest: manifest_changes.with_tags(manifest, model_id, more, less, now)
        ).value

    def note(self, model_id: str, notes: str, now: datetime) -> Manifest:
        """Replace a model's notes."""
        return self._change(
            lambda manifest: manifest_changes.with_notes(manifest, model_id, notes, now)
        ).value

    def remove(self, model_id: str, now: datetime) -> Manifest:
        """Hide a model; its files stay."""
        return self._change(lambda manifest: manifest_changes.without_model(manifest, model_id, now)).value

    def restore(self, model_id: str, now: datetime) -> Manifest:
        """Show a removed model again."""
        return self._change(lambda manifest: manifest_changes.restored_model(manifest, model_id, now)).value

    def history(self, most: int = 50) -> list[Revision]:
        """Return the newest revisions, the newest first, as far as the log has them."""
        return self._log.revisions(most)

    def diff(self, before: int, after: int) -> tuple[str, ...]:
        """Return in words what changed between two revisions.

        Raises:
            NotFound: the log has no such revision.
        """
        return self._log.diff(before, after)

    def orphans(self, grace: timedelta, now: datetime) -> list[Orphan]:
        """Return what `gc` would delete."""
        return Orphans(self.room_id, self._store).find(grace, now)

    def gc(self, grace: timedelta, now: datetime) -> list[Orphan]:
        """Delete the model folders that no revision names and that are older than the grace; return them.

        Raises:
            NotFound: the room has no manifest; `repair` makes one.
        """
        return Orphans(self.room_id, self._store).remove(grace, now)

    def repair(self, now: datetime) -> Manifest:
        """Bring a lost manifest back, and into it whole models that it does not name.

        The log's newest entry is the manifest as it was. Models that came after it, or all where there is no
        log, come from their own records; what else was done after it is lost.
        """
        newest = self._log.newest()
        if newest is not None:
            self._manifests.keep(keys.manifest_key(self.room_id), newest)
        unnamed = list(self._whole_models(without=self.manifest().models.keys()))
        if newest is None and not unnamed:
            return self.manifest()
        return self._change(lambda manifest: with_lost_models(manifest, unnamed, self._bucket, now)).value

    def _change(self, change: Callable[[Manifest], Manifest]) -> Versioned[Manifest]:
        changed = self._manifests.change(keys.manifest_key(self.room_id), change, start=self._start)
        self._log.keep(changed.value)
        return changed

    def _start(self) -> Manifest:
        return self._log.newest() or Manifest(room_id=self.room_id)

    def _whole_models(self, without: Iterable[str]) -> Iterator[ModelRecord]:
        """Yield the records, but of these ids, that tell the truth about their files."""
        prefix = keys.models_prefix(self.room_id)
        known = set(without)
        for name in self._store.folders(prefix):
            folder = keys.parse_model_key(f"{prefix}{name}{keys.MODEL_MARKER}")
            if folder is None or folder.model_id in known:
                continue
            try:
                record = self.read_record(folder)
            except (NotFound, ValidationError):
                continue
            if self._is_whole(folder, record):
                yield record

    def _is_whole(self, folder: keys.ModelFolder, record: ModelRecord) -> bool:
        found = {info.key: info.size_bytes for info in self._store.list(str(folder))}
        return (
            keys.ModelFolder(record.room_id, record.model_type, record.model_id) == folder
            and model_id_of(record.files) == record.model_id
            and all(found.get(f"{folder}{file.name}") == file.size_bytes for file in record.files)
        )
