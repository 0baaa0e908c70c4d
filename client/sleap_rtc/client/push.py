"""Orchestration: brings a model of this machine to a room, and into the local registry.

What the room has is not sent again, neither the whole model nor single files of it: so a push that was cut
goes on where it was when the same command is run again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleap_rtc.client.joint_progress import JointProgress
from sleap_rtc.client.legacy_ids import legacy_client_id
from sleap_rtc.events.push_api import PublishPushed
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.manifest_changes import ModelRemoved
from sleap_rtc.storage.model_folder import (
    CHECKPOINTS,
    YamlMissing,
    config_checksum,
    config_of,
    read_config,
    read_model_folder,
    read_table,
)
from sleap_rtc.storage.plain_values import scalars, texts
from sleap_rtc.storage.progress import ProgressHook, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.training_config import (
    MODEL_TYPES,
    hyperparameters_of,
    model_type_of,
    trainer_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.push_session import PushSession
    from sleap_rtc.storage.bandwidth import Throttle
    from sleap_rtc.storage.model_folder import ModelFolder

_SHOWN_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.5


class ModelTypeUnknown(InputError):
    """What kind of model {folder} holds cannot be told: {why}. Say it with --type, one of {kinds}."""

    folder: Path
    why: str
    kinds: str


@dataclass(frozen=True)
class Pushed:
    """A model that is in the room. `sent_bytes` is what had to be sent; `shown` whether the room lists it."""

    model_id: str
    model_type: str
    room_id: str
    size_bytes: int
    sent_bytes: int
    already_present: bool
    shown: bool


class ModelPusher:
    """Brings models to rooms.

    Args:
        service: opens uploads, signs their parts and publishes.
        registry: where the model is entered.
        largest_part_bytes: upper bound of a part (`multipart_chunk_size`).
        threads: upper bound of parts under way at once (`max_concurrent_parts`).
        throttle: holds what is sent to a rate.
        say: called with a sentence when something is done that the user did not ask for.
        shown_within_s: how long to wait for the room to show the model.
        traffic: is told of requests and bytes.
    """

    def __init__(
        self,
        service: ServiceClient,
        registry: ClientModelRegistry,
        largest_part_bytes: int,
        threads: int,
        throttle: Throttle | None = None,
        say: Callable[[str], None] = lambda _: None,
        shown_within_s: float = _SHOWN_WITHIN_S,
        traffic: Traffic = SILENT,
    ) -> None:
        self._service = service
        self._registry = registry
        self._largest_part_bytes = largest_part_bytes
        self._threads = threads
        self._throttle = throttle
        self._say = say
        self._shown_within_s = shown_within_s
        self._traffic = traffic.of("model")

    def push(
        self, folder: Path, room_id: str, model_type: str = "", on_progress: ProgressHook = no_progress
    ) -> Pushed:
        """Send what the room lacks of a model, publish it, and wait until the room shows it.

        Raises:
            ModelFolderRefused: there is no model in the folder that a room would take.
            ModelTypeUnknown: neither the caller nor the folder says which kind it is.
            NotFound: there is no such room, or the model was removed from it.
            TransferFailed: cut off; the same call sends what is missing.
        """
        kind = checked_type(model_type, folder) if model_type else ""
        found = read_model_folder(folder)
        kind = kind or model_type_in(folder)
        if found.left_out:
            self._say(f"Not part of the model, so left out: {', '.join(found.left_out)}.")
        session = self._service.push_session(room_id, kind, found.model_id, found.files)
        sent_bytes = self._send(found, session, on_progress)
        published = session.publish(_lineage(found, session))
        shown = self._wait(room_id, found.model_id)
        self._enter(found, kind)
        return Pushed(
            model_id=found.model_id,
            model_type=kind,
            room_id=room_id,
            size_bytes=sum(file.size_bytes for file in found.files),
            sent_bytes=sent_bytes,
            already_present=published.already_published and sent_bytes == 0,
            shown=shown,
        )

    def _send(self, found: ModelFolder, session: PushSession, on_progress: ProgressHook) -> int:
        together = JointProgress(sum(file.size_bytes for file in found.files), GuardedHook(on_progress))
        sent_bytes = 0
        for file in found.files:
            upload = session.open(file)
            if upload is None:
                together.skip(file.size_bytes)
                continue
            send_file(
                found.path / file.name,
                file,
                upload,
                largest_part_bytes=self._largest_part_bytes,
                threads=self._threads,
                throttle=self._throttle,
                on_progress=together.step,
                traffic=self._traffic,
            )
            together.end_of_file(file.size_bytes)
            sent_bytes += file.size_bytes
        return sent_bytes

    def _wait(self, room_id: str, model_id: str) -> bool:
        """Wait for the event that publishes the model; tell whether the room shows it now."""
        deadline = time.monotonic() + self._shown_within_s
        while True:
            model = self._service.manifest(room_id).models.get(model_id)
            if model is not None and model.deleted_at is not None:
                raise ModelRemoved(model_id=model_id, room_id=room_id, deleted_at=model.deleted_at)
            if model is not None or time.monotonic() >= deadline:
                return model is not None
            time.sleep(_LOOK_EVERY_S)

    def _enter(self, found: ModelFolder, model_type: str) -> None:
        """Enter the model in the registry; what it says already of a model that it has here stays."""
        known = self._registry.get(found.model_id)
        checkpoint = next(file.name for file in found.files if file.name.endswith(CHECKPOINTS))
        place = {
            "local_path": str(found.path.resolve()),
            "checkpoint_path": str(found.path.resolve() / checkpoint),
        }
        if known is None:
            entry = {"id": found.model_id, "model_type": model_type, "source": "client-upload", **place}
            metrics = scalars(read_table(found.path, "metrics.json"))
            self._registry.register({**entry, **({"metrics": metrics} if metrics else {})})
        elif not known.get("local_path") or not Path(known["local_path"]).is_dir():
            self._registry.update(found.model_id, place)


def checked_type(model_type: str, folder: Path) -> str:
    """Return a kind of model as a user typed it. Raises ModelTypeUnknown."""
    if model_type not in MODEL_TYPES:
        raise _unknown(folder, f"{model_type!r} is no kind of model")
    return model_type


def model_type_in(folder: Path) -> str:
    """Return the kind of model that the training configuration in a folder names.

    Raises:
        ModelTypeUnknown: there is none, or it does not tell.
        YamlMissing: nothing here reads it.
    """
    config = config_of(folder)
    if config is None:
        raise _unknown(folder, "it has no training configuration")
    found = model_type_of(read_config(config))
    if found is None:
        raise _unknown(folder, f"its {config.name} does not tell")
    return found


def _unknown(folder: Path, why: str) -> ModelTypeUnknown:
    return ModelTypeUnknown(folder=folder, why=why, kinds=", ".join(MODEL_TYPES))


def _lineage(found: ModelFolder, session: PushSession) -> PublishPushed:
    config = _config(found.path)
    metrics = read_table(found.path, "metrics.json")
    name, version = trainer_of(config)
    software = texts(read_table(found.path, "software.json"))
    if name:
        software = {"trainer": f"{name} {version}".strip(), **software}
    legacy_id = legacy_client_id(found.path)
    return PublishPushed(
        files=session.files,
        trainer=name,
        trained_at=_trained_at(found),
        config_checksum=config_checksum(found.path) or None,
        legacy_ids=[legacy_id] if legacy_id else [],
        software=texts(software),
        hyperparameters=hyperparameters_of(config),
        metrics=scalars(metrics),
    )


def _config(folder: Path) -> dict[str, Any]:
    """Return the training configuration as far as this installation can read it."""
    path = config_of(folder)
    try:
        return read_config(path) if path else {}
    except YamlMissing:
        return {}


def _trained_at(found: ModelFolder) -> datetime:
    """Return when the newest checkpoint was written, the best that a folder tells of its training's end."""
    written = max(
        (found.path / file.name).stat().st_mtime for file in found.files if file.name.endswith(CHECKPOINTS)
    )
    return datetime.fromtimestamp(written, UTC)
