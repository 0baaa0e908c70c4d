"""Pure: the room's manifest and the record of one model; changes are values in, values out.

The fields that the existing tool's design documents name (`room_id`, `version`, `updated_at`, `models`,
`aliases`) keep their names and shapes. Fields that this version does not know stay in the manifest.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.change_log import Logged
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable


class ModelIdTaken(InputError):
    """Model {model_id} of room {room_id} has other files than this one: two models have come by one id. This
    one was not published; train it again, which makes another one of it."""

    model_id: str
    room_id: str


class ModelFile(BaseModel):
    """One file of a model."""

    model_config = ConfigDict(frozen=True)

    name: str
    size_bytes: int
    checksum: str


class ModelTurn(BaseModel):
    """The place of a model among those that a job makes one after the other, counted from 0."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(0, ge=0)
    count: int = Field(1, ge=1)

    @property
    def is_last(self) -> bool:
        """Whether the job is done with it."""
        return self.index == self.count - 1

    @property
    def words(self) -> str:
        """ " (1 of 2)" for people, where there are several."""
        return f" ({self.index + 1} of {self.count})" if self.count > 1 else ""


class ModelRecord(BaseModel):
    """`model.json`: written last, its creation publishes the model; the manifest can be rebuilt from it.

    It is the whole lineage of the model. One that no job made (somebody pushed it) has no job id, attempt 0
    and fencing number 0. One that is `interim` is what a worker that had to leave sent of a job that goes on:
    it is in the room, and the job's own model is still to come.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    model_id: str
    model_type: str
    room_id: str
    files: tuple[ModelFile, ...]
    job_id: str = ""
    attempt: int = 0
    fencing: int = 0
    turn: ModelTurn = ModelTurn()
    interim: bool = False
    dataset_checksum: str = ""
    config_checksum: str = ""
    """CRC64NVME of the configuration that it was trained with."""
    legacy_ids: tuple[str, ...] = ()
    """What the existing tool's client and worker call it."""
    software: dict[str, str] = Field(default_factory=dict)
    """Versions by name: sleap-rtc, python, the trainer, torch, and the GPU and its driver."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    trainer: str
    trained_by: str
    trained_on_worker: str
    trained_at: datetime
    metrics: dict[str, Any] = Field(default_factory=dict)
    """What came out of the training; `curve` is a list of one mapping per epoch."""
    traceparent: str = ""
    sent_in: str = ""
    """The trace context of the sending of its files."""

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)


class ModelStorage(BaseModel):
    """Where a model lies."""

    model_config = ConfigDict(extra="allow")

    s3_path: str
    size_bytes: int
    files: tuple[ModelFile, ...] = ()


class ModelTraining(BaseModel):
    """Where a model comes from."""

    model_config = ConfigDict(extra="allow")

    trained_by: str
    trained_on_worker: str
    trained_at: datetime
    dataset_hash: str
    config_hash: str = ""
    job_id: str = ""
    trainer: str = ""
    metrics: dict[str, Any] = Field(default_factory=dict)


class ModelAvailability(BaseModel):
    """Who can serve a model."""

    model_config = ConfigDict(extra="allow")

    in_s3: bool = True
    cached_on_workers: list[dict[str, Any]] = Field(default_factory=list)


class ManifestModel(BaseModel):
    """A model as the manifest shows it."""

    model_config = ConfigDict(extra="allow")

    id: str
    alias: str | None = None
    model_type: str
    tags: list[str] = Field(default_factory=list)
    notes: str = ""
    legacy_ids: list[str] = Field(default_factory=list)
    deleted_at: datetime | None = None
    storage: ModelStorage
    training: ModelTraining
    availability: ModelAvailability = Field(default_factory=ModelAvailability)


class Manifest(Logged):
    """`{room_id}/manifest.json`: the current view of the room.

    `workers` and what each model says of its `availability` on workers hold for moments, so they are not
    kept: the service adds them to what it hands out, from what the workers said last.
    """

    model_config = ConfigDict(extra="allow")
    remedy: ClassVar[str] = (
        "`sleap-rtc models repair -r ROOM` puts it aside and rebuilds it from the room's log"
    )

    room_id: str
    version: int = 1
    models: dict[str, ManifestModel] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, list[str]] = Field(default_factory=dict)
    workers: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def revision_id(self) -> str:
        """The unique id of the write that made this revision."""
        return self.write_id


def model_id_of(files: Iterable[ModelFile]) -> str:
    """Return the id of a model: the first 8 hex digits of a SHA-256 over names, sizes and checksums.

    It depends on the content alone, so client and worker always agree on it, and a model that is uploaded
    twice has one id.
    """
    lines = sorted(f"{file.name}\0{file.size_bytes}\0{file.checksum}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:8]


def with_model(manifest: Manifest, record: ModelRecord, bucket: str) -> Manifest:
    """Return the manifest with this model in it; the same object if it is there already.

    Raises:
        ModelIdTaken: another model has its id.
    """
    present = manifest.models.get(record.model_id)
    if present is not None:
        if (present.model_type, present.storage.files) != (record.model_type, record.files):
            raise ModelIdTaken(model_id=record.model_id, room_id=manifest.room_id)
        return manifest
    folder = f"s3://{bucket}/{record.room_id}/models/{record.model_type}_{record.model_id}/"
    model = ManifestModel(
        id=record.model_id,
        model_type=record.model_type,
        legacy_ids=list(record.legacy_ids),
        storage=ModelStorage(s3_path=folder, size_bytes=record.size_bytes, files=record.files),
        training=ModelTraining(
            trained_by=record.trained_by,
            trained_on_worker=record.trained_on_worker,
            trained_at=record.trained_at,
            dataset_hash=record.dataset_checksum,
            config_hash=record.config_checksum,
            job_id=record.job_id,
            trainer=record.trainer,
            metrics=summary(record.metrics),
        ),
    )
    return manifest.model_copy(update={"models": {**manifest.models, record.model_id: model}})


def summary(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics that are single values. A curve stays in the model's own record: each write of the
    manifest holds all models."""
    return {name: value for name, value in metrics.items() if not isinstance(value, list | dict)}


def with_lost_models(manifest: Manifest, records: Iterable[ModelRecord], bucket: str) -> Manifest:
    """Return the manifest with the models that it lost, as far as their records tell.

    A job publishes one model. Where two workers made one, the one with the higher fencing number counts, and
    none does beside a model that the manifest has: it was refused when it came.
    """
    ended = {model.training.job_id for model in manifest.models.values()} - {""}
    for record in sorted(records, key=lambda each: (-each.fencing, each.model_id)):
        if record.job_id not in ended and record.model_id not in manifest.models:
            manifest = with_model(manifest, record, bucket)
            ended |= {record.job_id} - {""}
    return manifest
