"""Pure: the room's manifest and the record of one model; changes are values in, values out.

The fields that the existing tool's design documents name (`room_id`, `version`, `updated_at`, `models`,
`aliases`) keep their names and shapes. Fields that this version does not know stay in the manifest.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.document import Document

if TYPE_CHECKING:
    from collections.abc import Iterable


class ModelFile(BaseModel):
    """One file of a model."""

    model_config = ConfigDict(frozen=True)

    name: str
    size_bytes: int
    checksum: str


class ModelRecord(BaseModel):
    """`model.json`: written last, its creation publishes the model; the manifest can be rebuilt from it."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    model_id: str
    model_type: str
    room_id: str
    files: tuple[ModelFile, ...]
    job_id: str
    attempt: int
    fencing: int
    dataset_checksum: str
    trainer: str
    trained_by: str
    trained_on_worker: str
    trained_at: datetime
    metrics: dict[str, Any] = Field(default_factory=dict)
    traceparent: str

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
    deleted_at: datetime | None = None
    storage: ModelStorage
    training: ModelTraining
    availability: ModelAvailability = Field(default_factory=ModelAvailability)


class Manifest(Document):
    """`{room_id}/manifest.json`: the current view of the room."""

    model_config = ConfigDict(extra="allow")

    room_id: str
    version: int = 1
    revision: int = 0
    updated_at: datetime | None = None
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


def with_model(manifest: Manifest, record: ModelRecord, bucket: str, now: datetime) -> Manifest:
    """Return the manifest with this model in it; the same object if it is there already."""
    if record.model_id in manifest.models:
        return manifest
    folder = f"s3://{bucket}/{record.room_id}/models/{record.model_type}_{record.model_id}/"
    model = ManifestModel(
        id=record.model_id,
        model_type=record.model_type,
        storage=ModelStorage(s3_path=folder, size_bytes=record.size_bytes, files=record.files),
        training=ModelTraining(
            trained_by=record.trained_by,
            trained_on_worker=record.trained_on_worker,
            trained_at=record.trained_at,
            dataset_hash=record.dataset_checksum,
            job_id=record.job_id,
            trainer=record.trainer,
            metrics=record.metrics,
        ),
    )
    return next_revision(manifest, now, models={**manifest.models, record.model_id: model})


def with_lost_models(
    manifest: Manifest, records: Iterable[ModelRecord], bucket: str, now: datetime
) -> Manifest:
    """Return the manifest with the models that it lost, as far as their records tell.

    A job publishes one model. Where two workers made one, the one with the higher fencing number counts, and
    none does beside a model that the manifest has: it was refused when it came.
    """
    ended = {model.training.job_id for model in manifest.models.values()}
    for record in sorted(records, key=lambda each: (-each.fencing, each.model_id)):
        if record.job_id not in ended:
            manifest = with_model(manifest, record, bucket, now)
            ended.add(record.job_id)
    return manifest


def next_revision(manifest: Manifest, now: datetime, **changed: Any) -> Manifest:
    """Return the manifest with some fields changed, as its next revision."""
    return manifest.model_copy(update={**changed, "revision": manifest.revision + 1, "updated_at": now})
