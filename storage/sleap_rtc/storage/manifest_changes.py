"""Pure: what people do with a room's models: aliases, versions, tags, notes, removal.

Each change returns the changed manifest, or the very same one where there is nothing to change; so each may
be made twice. Tags commute. An alias is moved from the model that the caller saw it at, so that of two who
move it at once one is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sleap_rtc.storage.errors import InputError, NotFound, StoreError
from sleap_rtc.storage.model_name import checked_name, checked_tag, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sleap_rtc.storage.manifest import Manifest, ManifestModel

MAX_NOTE_CHARS = 4_000
"""Every revision keeps the notes of all models."""


class AliasMoved(StoreError):
    """The alias {alias} names {holder} now, not {expected}: somebody else moved it. Nothing was changed; look
    at what it names now, then move it from there."""

    alias: str
    holder: str
    expected: str


class LegacyIdAmbiguous(InputError):
    """{name} is what the existing tool calls several models of this room: {models}. Name one of these."""

    name: str
    models: str


class ModelRemoved(NotFound):
    """Model {model_id} was removed from room {room_id} at {deleted_at:%Y-%m-%d %H:%M} UTC. Its files are
    kept: restore it to use it again."""

    model_id: str
    room_id: str
    deleted_at: datetime


def find_model(manifest: Manifest, text: str) -> ManifestModel:
    """Return the model that an id, an alias, a `name@version` or an id of the existing tool stands for.

    Raises:
        NotFound: the room has no such model.
        ModelRemoved: it had, and somebody removed it.
        LegacyIdAmbiguous: the existing tool called several so.
    """
    asked = parse_version(text)
    model_id = _version(manifest, *asked) if asked else manifest.aliases.get(text, text)
    if model_id in manifest.models:
        return _present(manifest, model_id)
    found = models_by_legacy_id(manifest, text)
    if len(found) > 1:
        raise LegacyIdAmbiguous(name=text, models=", ".join(sorted(model.id for model in found)))
    return found[0] if found else _present(manifest, _removed_with(manifest, text) or text)


def models_by_legacy_id(manifest: Manifest, legacy_id: str) -> list[ManifestModel]:
    """Return the models that the existing tool called so, those that were removed left out.

    Its ids tell nothing of the weights: two trainings with one configuration share one.
    """
    return [model for model in list_models(manifest) if legacy_id in model.legacy_ids]


def _removed_with(manifest: Manifest, legacy_id: str) -> str | None:
    return next((model.id for model in manifest.models.values() if legacy_id in model.legacy_ids), None)


def list_models(
    manifest: Manifest, *, tag: str | None = None, model_type: str | None = None
) -> list[ManifestModel]:
    """Return the models that were not removed, newest first, of one tag or type if it is given."""
    found = [
        model
        for model in manifest.models.values()
        if model.deleted_at is None
        and (tag is None or tag in model.tags)
        and (model_type is None or model.model_type == model_type)
    ]
    return sorted(found, key=lambda model: model.training.trained_at, reverse=True)


def with_alias(manifest: Manifest, alias: str, model_id: str, expected: str | None) -> Manifest:
    """Return the manifest in which an alias names a model.

    Args:
        manifest: the room's.
        alias: given anew, or moved.
        model_id: what it names from now on.
        expected: the id that it named when the caller looked, None if there was no such alias.

    Raises:
        NameRefused: the text cannot be an alias.
        AliasMoved: it names something else than expected by now.
        NotFound: the room has no such model, or it was removed.
    """
    checked_name(alias)
    _present(manifest, model_id)
    holder = manifest.aliases.get(alias)
    if holder == model_id:
        return manifest
    _check_holder(alias, holder, expected)
    return _with_aliases(manifest, {**manifest.aliases, alias: model_id})


def without_alias(manifest: Manifest, alias: str, expected: str) -> Manifest:
    """Return the manifest without an alias.

    Raises:
        AliasMoved: it names something else than expected by now.
    """
    holder = manifest.aliases.get(alias)
    if holder is None:
        return manifest
    _check_holder(alias, holder, expected)
    left = {name: model_id for name, model_id in manifest.aliases.items() if name != alias}
    return _with_aliases(manifest, left)


def with_version(manifest: Manifest, name: str, model_id: str) -> Manifest:
    """Return the manifest in which a model is the next version of a name; it is a version only once.

    Raises:
        NameRefused: the text cannot be a name.
        NotFound: the room has no such model, or it was removed.
    """
    checked_name(name)
    _present(manifest, model_id)
    versions = manifest.versions.get(name, [])
    if model_id in versions:
        return manifest
    return manifest.model_copy(update={"versions": {**manifest.versions, name: [*versions, model_id]}})


def with_tags(manifest: Manifest, model_id: str, add: Iterable[str], remove: Iterable[str]) -> Manifest:
    """Return the manifest in which a model has some tags more and some less.

    Raises:
        TagRefused: one of the new ones cannot be a tag.
        NotFound: the room has no such model, or it was removed.
    """
    model = _present(manifest, model_id)
    tags = sorted({*model.tags, *map(checked_tag, add)} - set(remove))
    if set(tags) == set(model.tags):
        return manifest
    return _with_changed(manifest, model, tags=tags)


def with_notes(manifest: Manifest, model_id: str, notes: str) -> Manifest:
    """Return the manifest in which a model has these notes in place of what it had; the last writer's stay.

    Raises:
        InputError: they are too long.
        NotFound: the room has no such model, or it was removed.
    """
    checked_notes(notes)
    model = _present(manifest, model_id)
    return manifest if model.notes == notes else _with_changed(manifest, model, notes=notes)


def checked_notes(notes: str) -> str:
    """Return notes if a model may have them. Raises InputError: they are too long."""
    if len(notes) > MAX_NOTE_CHARS:
        raise InputError(
            message=f"Notes have at most {MAX_NOTE_CHARS:,} characters; these have {len(notes):,}."
        )
    return notes


def without_model(manifest: Manifest, model_id: str, now: datetime) -> Manifest:
    """Return the manifest that hides a model. Its files, aliases and versions stay, for `restored_model`.

    Raises:
        NotFound: the room has no such model.
    """
    model = _known(manifest, model_id)
    return manifest if model.deleted_at else _with_changed(manifest, model, deleted_at=now)


def restored_model(manifest: Manifest, model_id: str) -> Manifest:
    """Return the manifest that shows a removed model again.

    Raises:
        NotFound: the room has no such model.
    """
    model = _known(manifest, model_id)
    return _with_changed(manifest, model, deleted_at=None) if model.deleted_at else manifest


def _known(manifest: Manifest, model_id: str) -> ManifestModel:
    model = manifest.models.get(model_id)
    if model is None:
        raise NotFound(what=f"model {model_id} in room {manifest.room_id}")
    return model


def _present(manifest: Manifest, model_id: str) -> ManifestModel:
    model = _known(manifest, model_id)
    if model.deleted_at is not None:
        raise ModelRemoved(model_id=model_id, room_id=manifest.room_id, deleted_at=model.deleted_at)
    return model


def _version(manifest: Manifest, name: str, number: int | None) -> str | None:
    """Return the model behind a version; the latest is the newest that was not removed."""
    versions = manifest.versions.get(name, [])
    if number is not None:
        return versions[number - 1] if number <= len(versions) else None
    present = (each for each in reversed(versions) if _known(manifest, each).deleted_at is None)
    return next(present, None)


def _check_holder(alias: str, holder: str | None, expected: str | None) -> None:
    if holder != expected:
        raise AliasMoved(alias=alias, holder=holder or "no model", expected=expected or "no model")


def _with_changed(manifest: Manifest, model: ManifestModel, **changed: Any) -> Manifest:
    models = {**manifest.models, model.id: model.model_copy(update=changed)}
    return manifest.model_copy(update={"models": models})


def _with_aliases(manifest: Manifest, aliases: dict[str, str]) -> Manifest:
    """Keep the one alias that a model shows in step: the one that it has if it may, else the first."""
    models = dict(manifest.models)
    for model_id in {*manifest.aliases.values(), *aliases.values()} & models.keys():
        own = sorted(alias for alias, named in aliases.items() if named == model_id)
        shown = models[model_id].alias
        if shown not in own:
            models[model_id] = models[model_id].model_copy(update={"alias": own[0] if own else None})
    return manifest.model_copy(update={"models": models, "aliases": aliases})
