"""Pure: what changed from one manifest to another, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sleap_rtc.storage.manifest import Manifest, ManifestModel


def diff(before: Manifest, after: Manifest) -> tuple[str, ...]:
    """Return what changed, models first, a sentence without its full stop for each thing."""
    return (*_models(before, after), *_aliases(before, after), *_versions(before, after))


def _models(before: Manifest, after: Manifest) -> Iterator[str]:
    for model_id in sorted(before.models.keys() | after.models.keys()):
        old, new = before.models.get(model_id), after.models.get(model_id)
        if old is None and new is not None:
            yield f"model {model_id} ({new.model_type}) was published by {new.training.trained_by}"
            old = new.model_copy(update={"tags": [], "notes": "", "deleted_at": None})
        if old is not None and new is None:
            yield f"model {model_id} is not there any more"
        if old is not None and new is not None:
            yield from _model(old, new)


def _model(old: ManifestModel, new: ManifestModel) -> Iterator[str]:
    if added := sorted(set(new.tags) - set(old.tags)):
        yield f"model {new.id} was tagged {', '.join(added)}"
    if taken := sorted(set(old.tags) - set(new.tags)):
        yield f"model {new.id} lost the tag {', '.join(taken)}"
    if old.notes != new.notes:
        yield f"model {new.id} has other notes" if new.notes else f"model {new.id} lost its notes"
    if (old.deleted_at is None) != (new.deleted_at is None):
        yield f"model {new.id} was {'removed' if new.deleted_at else 'restored'}"
    if (old.storage, old.training) != (new.storage, new.training):
        yield f"model {new.id} has other files or another origin"


def _aliases(before: Manifest, after: Manifest) -> Iterator[str]:
    for alias in sorted(before.aliases.keys() | after.aliases.keys()):
        match before.aliases.get(alias), after.aliases.get(alias):
            case None, model_id:
                yield f"alias {alias} names {model_id}"
            case model_id, None:
                yield f"alias {alias}, which named {model_id}, was taken off"
            case old, new if old != new:
                yield f"alias {alias} moved from {old} to {new}"


def _versions(before: Manifest, after: Manifest) -> Iterator[str]:
    for name in sorted(before.versions.keys() | after.versions.keys()):
        old, new = before.versions.get(name, []), after.versions.get(name, [])
        if old != new[: len(old)]:
            yield f"the versions of {name} were renumbered"
        else:
            for number, model_id in enumerate(new[len(old) :], len(old) + 1):
                yield f"model {model_id} is version {number} of {name}"
