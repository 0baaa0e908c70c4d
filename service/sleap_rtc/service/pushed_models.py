"""Orchestration: models that members bring to a room, made by no job of it.

The id of a model is that of its files, and all of them are named whenever an upload is opened: so nothing is
taken for a folder whose id it does not have, and what the room has is not sent again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.push_api import PushedModel
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, PreconditionFailed
from sleap_rtc.storage.manifest import ModelRecord, model_id_of
from sleap_rtc.storage.model_folder import LARGEST_MODEL_BYTES
from sleap_rtc.storage.object_store import Create
from sleap_rtc.storage.training_config import MODEL_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.events.push_api import (
        AbortPushedFile,
        CompletePushedFile,
        OpenPushedFile,
        PublishPushed,
        PushedFile,
        SignPushedParts,
    )
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.model_files import ModelFiles
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.rooms_storage import RoomsStorage


class PushRefused(InputError):
    """Model {folder} cannot be pushed: {why}."""

    folder: str
    why: str


class PushedModels:
    """The models that members of rooms bring. The caller has been let in; a folder is `{type}_{id}`.

    Every method raises PushRefused where the folder cannot be a model's, and what `ModelFiles` raises.

    Args:
        objects: the rooms bucket.
        files: in it.
        models: the rooms' manifests.
    """

    def __init__(self, objects: ObjectStore, files: ModelFiles, models: RoomsStorage) -> None:
        self._objects = objects
        self._files = files
        self._models = models

    def open(self, room_id: str, name: str, asked: OpenPushedFile) -> ModelFileOpened:
        """Open the upload of a file, unless it is there; an empty one is written at once.

        Raises:
            PushRefused: the id is not that of these files, or the room has the model as one of another kind.
        """
        folder, files = self._checked(room_id, name, asked.files)
        file = next((file for file in files if file.name == asked.name), None)
        if file is None:
            raise PushRefused(folder=name, why=f"{asked.name!r} is none of the files that it names")
        if self._files.has(folder, file):
            return ModelFileOpened(s3_upload_id="", whole_checksum=True, present=True)
        return self._files.open(folder, file)

    def sign(self, room_id: str, name: str, asked: SignPushedParts) -> dict[int, str]:
        """Return a URL for each part, each for exactly these bytes."""
        return self._files.sign(_folder(room_id, name), asked)

    def complete(self, room_id: str, name: str, asked: CompletePushedFile) -> None:
        """Make the object of its parts; asking again after a lost reply is harmless."""
        self._files.complete(_folder(room_id, name), asked)

    def abort(self, room_id: str, name: str, asked: AbortPushedFile) -> None:
        """Give an upload up and free its parts."""
        self._files.abort(_folder(room_id, name), asked)

    def publish(self, room_id: str, name: str, asked: PublishPushed, caller: Caller) -> PushedModel:
        """Write the record, whose creation publishes the model; one that is there stays as it is.

        Raises:
            PushRefused: see `open`, or one of the files is not there as it was named.
        """
        folder, files = self._checked(room_id, name, asked.files)
        present = self._files.record(folder)
        if present is None:
            missing = self._files.missing(folder, files)
            if missing:
                raise PushRefused(folder=name, why=missing)
            record = _record(folder, files, asked, caller, datetime.now(UTC))
            try:
                self._objects.put(folder.record, record.model_dump_json(indent=1).encode(), Create())
            except PreconditionFailed:
                present = self._files.record(folder)
        if present is not None and present.files != files:
            raise PushRefused(folder=name, why="a model with its id is published and has other files")
        return PushedModel(
            model_id=folder.model_id, model_type=folder.model_type, already_published=present is not None
        )

    def _checked(
        self, room_id: str, name: str, asked: Sequence[PushedFile]
    ) -> tuple[keys.ModelFolder, tuple[ModelFile, ...]]:
        folder = _folder(room_id, name)
        files = tuple(sorted((each.file for each in asked), key=lambda file: file.name))
        why = _why_not(folder, files)
        known = self._models.of(room_id).manifest().models.get(folder.model_id)
        if not why and known is not None and known.model_type != folder.model_type:
            why = f"the room has it already, as a {known.model_type} model"
        if why:
            raise PushRefused(folder=name, why=why)
        return folder, files


def _folder(room_id: str, name: str) -> keys.ModelFolder:
    folder = keys.parse_model_key(f"{room_id}/models/{name}{keys.MODEL_MARKER}")
    if folder is None or folder.model_type not in MODEL_TYPES:
        raise PushRefused(folder=name, why=f"the kinds of models are {', '.join(MODEL_TYPES)}")
    return folder


def _why_not(folder: keys.ModelFolder, files: tuple[ModelFile, ...]) -> str:
    if len({file.name for file in files}) != len(files):
        return "two of its files have one name"
    if sum(file.size_bytes for file in files) > LARGEST_MODEL_BYTES:
        return f"it has more than {LARGEST_MODEL_BYTES:,} bytes"
    return "" if model_id_of(files) == folder.model_id else "its id is not that of its files"


def _record(
    folder: keys.ModelFolder,
    files: tuple[ModelFile, ...],
    asked: PublishPushed,
    caller: Caller,
    now: datetime,
) -> ModelRecord:
    return ModelRecord(
        model_id=folder.model_id,
        model_type=folder.model_type,
        room_id=folder.room_id,
        files=files,
        dataset_checksum=asked.dataset_checksum or "",
        config_checksum=asked.config_checksum or "",
        legacy_ids=tuple(asked.legacy_ids),
        software=asked.software,
        hyperparameters=asked.hyperparameters,
        trainer=asked.trainer,
        trained_by=asked.trained_for or caller.subject,
        trained_on_worker=caller.subject if asked.trained_for else "",
        trained_at=min(asked.trained_at or now, now),
        metrics=asked.metrics,
    )
