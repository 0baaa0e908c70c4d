"""Orchestration: what a room holds, and the changes that people and reactors make to it.

Every change is one entry of the room's log, whose creation is the lock, and then the manifest that shows it
(`ledger`). A manifest that is gone is rebuilt from the log; one that cannot be read is left as it is, and
nothing changes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError
from ulid import ULID

from sleap_rtc.storage import keys, manifest_changes
from sleap_rtc.storage.change_log import Entry, Revision
from sleap_rtc.storage.document import DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import NotFound, PreconditionFailed
from sleap_rtc.storage.ledger import Ledger, Places
from sleap_rtc.storage.manifest import Manifest, ManifestModel, ModelRecord, model_id_of, with_model
from sleap_rtc.storage.manifest_diff import diff
from sleap_rtc.storage.model_download import download_files
from sleap_rtc.storage.object_store import Create
from sleap_rtc.storage.orphans import Orphans
from sleap_rtc.storage.proposals import Proposal
from sleap_rtc.storage.registry_changes import Published, Recovered, RegistryChange
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.orphans import Orphan


class RoomStorage:
    """The models of one room; one instance may serve several threads.

    The methods that change something take who changes it and when, and may be called twice. Each may raise
    DocumentUnreadable (the manifest or its log is damaged, or of a newer version) and PreconditionFailed (too
    many writers for too long); what else a change may raise stands at its rule in `manifest_changes`.

    Args:
        room_id: the room.
        store: the rooms bucket.
        bucket: its name, for the paths that the manifest shows.
    """

    def __init__(self, room_id: str, store: ObjectStore, bucket: str) -> None:
        self.room_id = room_id
        self._store = store
        self._bucket = bucket
        places = Places(
            keys.manifest_key(room_id),
            keys.manifest_log_prefix(room_id),
            keys.snapshots_prefix(room_id),
            keys.pending_prefix(room_id),
        )
        self._ledger: Ledger[Manifest, RegistryChange] = Ledger(
            store, places, Manifest(room_id=room_id), Entry[RegistryChange], Proposal[RegistryChange]
        )

    def manifest(self) -> Manifest:
        """Return the newest state; an empty one for a room that has published nothing.

        Where it was read before it costs one GET, and one more for each change since.
        """
        return self._ledger.read()

    def show(self) -> Manifest:
        """Bring a manifest that a writer left behind up to the log, and return it."""
        return self._ledger.show()

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

    def download_model(
        self, name: str, folder: Path, sign_get: Callable[[str], str], traffic: Traffic = SILENT
    ) -> Path:
        """Bring a model's files into a folder of its own below `folder`, each verified, and return that one.

        Args:
            name: what `get_model` takes.
            folder: where to.
            sign_get: returns a URL to read a key of the bucket with (`S3Transfers.sign_get`).
            traffic: is told of requests and bytes.

        Raises:
            NotFound: the room has no such model.
            ModelRemoved: it had.
            ModelFileGone, IntegrityError, DiskFull, TransferFailed: see `download_files`.
        """
        model = self.get_model(name)
        place = keys.ModelFolder(self.room_id, model.model_type, model.id)
        target = folder / f"{model.model_type}_{model.id}"
        download_files(self._store, sign_get, place, model.storage.files, target, traffic)
        return target

    def read_record(self, folder: keys.ModelFolder) -> ModelRecord:
        """Return a model's own record, which has its whole lineage and its loss curve.

        Raises:
            NotFound: it has none, so it was never wholly uploaded.
            ValidationError: it is not a record.
        """
        return ModelRecord.model_validate_json(self._store.get(folder.record).body)

    def check_publish(self, record: ModelRecord) -> None:
        """Look whether the manifest would take a model. Raises ModelIdTaken."""
        with_model(self.manifest(), record, self._bucket)

    def publish_model(self, record: ModelRecord, now: datetime) -> Manifest:
        """Put a model into the manifest; doing it twice changes nothing."""
        return self.change(Published(bucket=self._bucket, record=record), record.trained_by, now)

    def change(self, change: RegistryChange, by: str, now: datetime) -> Manifest:
        """Make a change of `registry_changes`; raises what that one raises.

        Args:
            change: what.
            by: the token subject of who makes it.
            now: when; the manifest's `updated_at` if there was something to change.
        """
        return self._ledger.append(change, by, now)

    def history(self, most: int = 50) -> list[Revision[RegistryChange]]:
        """Return who changed what, the newest first, as far as the log has it."""
        return self._ledger.revisions(most)

    def diff(self, before: int, after: int) -> tuple[str, ...]:
        """Return in words what changed between two revisions.

        Raises:
            NotFound: the log has no such revision.
        """
        return diff(self._ledger.at(before), self._ledger.at(after))

    def orphans(self, grace: timedelta, now: datetime) -> list[Orphan]:
        """Return what `gc` would delete."""
        return self._orphans().find(grace, now)

    def gc(self, grace: timedelta, now: datetime) -> list[Orphan]:
        """Delete the model folders that no revision names and that are older than the grace; return them.

        Raises:
            NotFound: the room has neither a manifest nor a log; `repair` makes them.
        """
        return self._orphans().remove(grace, now)

    def repair(self, by: str, now: datetime) -> Manifest:
        """Bring a lost or damaged manifest back from the log, and into it whole models that it does not name.

        A damaged one is put aside, not overwritten. Where the log is lost, too, the models come from their
        own records, and what else was done is lost.

        Raises:
            DocumentTooNew: the manifest, or its log, is of a newer version.
        """
        manifest = self._rebuilt()
        unnamed = tuple(self._whole_models(without=manifest.models.keys()))
        if not unnamed:
            return manifest
        return self.change(Recovered(bucket=self._bucket, records=unnamed), by, now)

    def _rebuilt(self) -> Manifest:
        self._ledger.forget()
        try:
            return self._ledger.show()
        except DocumentTooNew:
            raise
        except DocumentUnreadable as error:
            if error.key != keys.manifest_key(self.room_id):
                raise
        self._put_aside()
        return self._ledger.show()

    def _put_aside(self) -> None:
        damaged = self._store.get(keys.manifest_key(self.room_id))
        with suppress(PreconditionFailed):  # no two ULIDs are the same, so it is ours whose reply was lost
            self._store.put(keys.damaged_key(self.room_id, str(ULID())), damaged.body, Create())
        self._store.delete(damaged.info.key)

    def _orphans(self) -> Orphans:
        return Orphans(self.room_id, self._store, self._named)

    def _named(self) -> set[str]:
        if self._ledger.lost():
            raise NotFound(what=f"manifest of room {self.room_id}")
        return set(self.manifest().models)

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
