"""Pure: what can happen to a room's models, each as a value that the room's log keeps.

What a change does stands in `manifest_changes` and `manifest`; here it gets a form that can be written down,
applied again, and told in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from sleap_rtc.storage import manifest_changes
from sleap_rtc.storage.manifest import Manifest, ModelRecord, with_lost_models, with_model

if TYPE_CHECKING:
    from datetime import datetime


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True)
    joins: ClassVar[bool] = False


class Published(_Change):
    """A model was published."""

    kind: Literal["published"] = "published"
    joins: ClassVar[bool] = True
    bucket: str
    record: ModelRecord

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Add the model. Raises ModelIdTaken."""
        return with_model(manifest, self.record, self.bucket)

    def words(self) -> str:
        """Say it."""
        return f"model {self.record.model_id} ({self.record.model_type}) was published"


class Recovered(_Change):
    """Models that the manifest had lost were put back, from their own records."""

    kind: Literal["recovered"] = "recovered"
    bucket: str
    records: tuple[ModelRecord, ...]

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Add the models that are missing."""
        return with_lost_models(manifest, self.records, self.bucket)

    def words(self) -> str:
        """Say it."""
        return f"{len(self.records)} models were put back from their own records"


class AliasSet(_Change):
    """An alias names a model. `expected` is what it named before, None for nothing."""

    kind: Literal["alias_set"] = "alias_set"
    alias: str
    model_id: str
    expected: str | None

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Move the alias. Raises AliasMoved, NameRefused, NotFound."""
        return manifest_changes.with_alias(manifest, self.alias, self.model_id, self.expected)

    def words(self) -> str:
        """Say it."""
        if self.expected is None:
            return f"alias {self.alias} names {self.model_id}"
        return f"alias {self.alias} moved from {self.expected} to {self.model_id}"


class AliasRemoved(_Change):
    """An alias was taken off the model that it named."""

    kind: Literal["alias_removed"] = "alias_removed"
    alias: str
    expected: str

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Take it off. Raises AliasMoved."""
        return manifest_changes.without_alias(manifest, self.alias, self.expected)

    def words(self) -> str:
        """Say it."""
        return f"alias {self.alias}, which named {self.expected}, was taken off"


class VersionAdded(_Change):
    """A model became the next version of a name."""

    kind: Literal["version_added"] = "version_added"
    name: str
    model_id: str

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Add the version. Raises NameRefused, NotFound."""
        return manifest_changes.with_version(manifest, self.name, self.model_id)

    def words(self) -> str:
        """Say it."""
        return f"model {self.model_id} is the next version of {self.name}"


class Tagged(_Change):
    """A model got tags, and lost some."""

    kind: Literal["tagged"] = "tagged"
    model_id: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Change the tags. Raises TagRefused, NotFound."""
        return manifest_changes.with_tags(manifest, self.model_id, self.add, self.remove)

    def words(self) -> str:
        """Say it."""
        told = [f"was tagged {', '.join(self.add)}"] if self.add else []
        told += [f"lost the tag {', '.join(self.remove)}"] if self.remove else []
        return f"model {self.model_id} {' and '.join(told)}"


class Noted(_Change):
    """A model has other notes."""

    kind: Literal["noted"] = "noted"
    model_id: str
    notes: str

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Change the notes. Raises InputError, NotFound."""
        return manifest_changes.with_notes(manifest, self.model_id, self.notes)

    def words(self) -> str:
        """Say it."""
        return f"model {self.model_id} {'has other notes' if self.notes else 'lost its notes'}"


class Removed(_Change):
    """A model was hidden; its files stay."""

    kind: Literal["removed"] = "removed"
    model_id: str

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:
        """Hide it. Raises NotFound."""
        return manifest_changes.without_model(manifest, self.model_id, at)

    def words(self) -> str:
        """Say it."""
        return f"model {self.model_id} was removed"


class Restored(_Change):
    """A removed model is shown again."""

    kind: Literal["restored"] = "restored"
    model_id: str

    def apply(self, manifest: Manifest, at: datetime) -> Manifest:  # noqa: ARG002
        """Show it. Raises NotFound."""
        return manifest_changes.restored_model(manifest, self.model_id)

    def words(self) -> str:
        """Say it."""
        return f"model {self.model_id} was restored"


RegistryChange = Annotated[
    Published | Recovered | AliasSet | AliasRemoved | VersionAdded | Tagged | Noted | Removed | Restored,
    Field(discriminator="kind"),
]
