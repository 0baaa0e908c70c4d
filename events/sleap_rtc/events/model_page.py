"""Pure: a room's models page by page, and the names that models go by."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sleap_rtc.events.registry_api import ModelDetails, ModelPage, NamedModel
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sleap_rtc.storage.manifest import Manifest, ManifestModel, ModelRecord


def model_page(
    manifest: Manifest,
    most: int,
    *,
    after: str | None = None,
    tag: str | None = None,
    model_type: str | None = None,
    removed: bool = False,
) -> ModelPage:
    """Return the newest models, or those that follow one of them.

    A page goes on from where the model `after` stands, even if that one was removed or lost its tag since.

    Args:
        manifest: the room's.
        most: how many to return at most.
        after: the id of the last model of the page before.
        tag: only models that have it.
        model_type: only models of it.
        removed: those that were removed, instead of those that were not.

    Raises:
        NotFound: there is no model `after`.
    """
    found = [
        model
        for model in manifest.models.values()
        if (model.deleted_at is not None) == removed
        and (tag is None or tag in model.tags)
        and (model_type is None or model.model_type == model_type)
    ]
    wanted = found
    if after is not None:
        last = manifest.models.get(after)
        if last is None:
            raise NotFound(what=f"model {after} in room {manifest.room_id}")
        wanted = [model for model in found if _place(model) < _place(last)]
    wanted.sort(key=_place, reverse=True)
    shown = wanted[:most]
    names = _names(manifest)
    return ModelPage(
        revision=manifest.revision,
        total=len(found),
        models=[NamedModel(**{**dict(model), "names": names.get(model.id, [])}) for model in shown],
        after=shown[-1].id if len(wanted) > most else None,
    )


def model_details(
    manifest: Manifest, model_id: str, record: ModelRecord | None, by: str = ""
) -> ModelDetails:
    """Return a model that the manifest has, removed or not, with all of its names and its own record.

    Args:
        manifest: the room's.
        model_id: the model.
        record: what is known of it besides.
        by: the name of who had it trained, or brought it; his token subject if there is none.
    """
    return ModelDetails(
        model=manifest.models[model_id],
        aliases=sorted(alias for alias, named in manifest.aliases.items() if named == model_id),
        versions={
            name: models.index(model_id) + 1
            for name, models in sorted(manifest.versions.items())
            if model_id in models
        },
        record=record,
        by=by or manifest.models[model_id].training.trained_by,
    )


def _place(model: ManifestModel) -> tuple[datetime, str]:
    """Ids keep two models of one moment apart."""
    return model.training.trained_at, model.id


def _names(manifest: Manifest) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for name, model_id in _named(manifest):
        names[model_id].append(name)
    return names


def _named(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield from sorted(manifest.aliases.items())
    for name, models in sorted(manifest.versions.items()):
        for number, model_id in enumerate(models, 1):
            yield f"{name}@{number}", model_id
