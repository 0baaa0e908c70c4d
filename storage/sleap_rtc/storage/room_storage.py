"""Orchestration: what a room holds, read and changed through conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents, Versioned
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.manifest import Manifest, ManifestModel, ModelRecord, with_model

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.storage.object_store import ObjectStore


class RoomStorage:
    """The models of one room.

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

    def manifest(self) -> Manifest:
        """Return the current view; an empty one for a room that has published nothing."""
        try:
            return self._manifests.read(keys.manifest_key(self.room_id)).value
        except NotFound:
            return Manifest(room_id=self.room_id)

    def list_models(self) -> list[ManifestModel]:
        """Return the room's models, newest first."""
        return sorted(
            self.manifest().models.values(), key=lambda model: model.training.trained_at, reverse=True
        )

    def get_model(self, name: str) -> ManifestModel:
        """Return a model by its id or alias.

        Raises:
            NotFound: the room has no such model.
        """
        manifest = self.manifest()
        model = manifest.models.get(manifest.aliases.get(name, name))
        if model is None:
            raise NotFound(what=f"model {name} in room {self.room_id}")
        return model

    def read_record(self, folder: keys.ModelFolder) -> ModelRecord:
        """Return a model's own record.

        Raises:
            NotFound: it has none, so it was never wholly uploaded.
            ValidationError: it is not a record.
        """
        return ModelRecord.model_validate_json(self._store.get(folder.record).body)

    def publish_model(self, record: ModelRecord, now: datetime) -> Versioned[Manifest]:
        """Put a model into the manifest; doing it twice changes nothing.

        Each revision also stands in the immutable log, from which a lost manifest can be rebuilt.
        """
        published = self._manifests.change(
            keys.manifest_key(self.room_id),
            lambda manifest: with_model(manifest, record, self._bucket, now),
            start=lambda: Manifest(room_id=self.room_id),
        )
        self._log(published.value)
        return published

    def _log(self, manifest: Manifest) -> None:
        key = keys.manifest_log_key(self.room_id, manifest.revision)
        self._manifests.keep(key, manifest)
