"""Pure: what client and service say to each other about a room's models and what happened to them.

Everything that comes from outside is bounded here; what a name or a tag may be says `storage.model_name`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage.manifest import ManifestModel, ModelRecord
from sleap_rtc.storage.manifest_changes import MAX_NOTE_CHARS

ModelName = Annotated[str, Field(min_length=1, max_length=80)]
"""An id, an alias, or a name's version: `flies@2`."""
ModelId = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
LONGEST_GRACE_H = 24 * 365
MOST_TAGS = 64
"""That one change may add, or take off."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class NamedModel(ManifestModel):
    """A model in a list, and all that it goes by besides its id: aliases, and versions such as `flies@2`."""

    names: list[str]


class ModelPage(_Reply):
    """`GET /api/rooms/{room_id}/models`: the newest first, and how many there are in all.

    `after` is what to ask with for the next page; None where this is the last.
    """

    revision: int
    total: int
    models: list[NamedModel]
    after: str | None = None


class ModelDetails(_Reply):
    """`GET /api/rooms/{room_id}/models/{model}`: a model with all of its names and its own record.

    `versions` maps names to this model's number under them. The record is None where it is damaged or gone.
    `by` is the name of who had it trained, or brought it.
    """

    model: ManifestModel
    aliases: list[str]
    versions: dict[str, int]
    record: ModelRecord | None
    by: str


class AliasesView(_Reply):
    """`GET /api/rooms/{room_id}/aliases`: which model each alias names, one that was removed as well."""

    revision: int
    aliases: dict[str, str]


class SetAlias(_Request):
    """`PUT /api/rooms/{room_id}/aliases/{alias}`: `expected` is what it named when the caller looked."""

    model: ModelName
    expected: ModelId | None


class AddVersion(_Request):
    """`POST /api/rooms/{room_id}/versions`."""

    name: Name
    model: ModelName


class ChangeModel(_Request):
    """`PATCH /api/rooms/{room_id}/models/{model}`: notes are replaced where they are given."""

    add_tags: list[Tag] = Field(default_factory=list, max_length=MOST_TAGS)
    remove_tags: list[Tag] = Field(default_factory=list, max_length=MOST_TAGS)
    notes: str | None = Field(None, max_length=MAX_NOTE_CHARS)


class RevisionView(_Reply):
    """One entry of a room's history: who did what, and when."""

    revision: int
    at: datetime
    by: str
    what: str


class DiffView(_Reply):
    """`GET /api/rooms/{room_id}/diff`: what changed between two revisions, a sentence for each thing."""

    before: int
    after: int
    changes: list[str]


class CollectGarbage(_Request):
    """`POST /api/rooms/{room_id}/gc`, for owners. Nothing is deleted unless `delete` is set."""

    grace_h: float = Field(24.0, ge=1.0, le=LONGEST_GRACE_H)
    delete: bool = False


class OrphanView(_Reply):
    """A model's folder that no revision names."""

    folder: str
    size_bytes: int
    modified: datetime


class GarbageView(_Reply):
    """What `gc` deleted, or would delete."""

    deleted: bool
    orphans: list[OrphanView]


class RepairView(_Reply):
    """`POST /api/rooms/{room_id}/repair`, for owners: what was found and what was done, in sentences."""

    revision: int
    models: int
    found: list[str]
    done: list[str]
