"""Pure: which model of a room a text stands for, the existing tool's ids included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.client.legacy_ids import models_of_legacy_id
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.manifest_changes import ModelRemoved, find_model, list_models

if TYPE_CHECKING:
    from sleap_rtc.storage.manifest import Manifest, ManifestModel


class LegacyIdAmbiguous(InputError):
    """{name} is what the existing tool calls several models of this room: {models}. Name one of these."""

    name: str
    models: str


def model_in_room(room: Manifest, name: str) -> ManifestModel:
    """Return the model of a room that an id, an alias, a `name@version` or a legacy id stands for.

    Raises:
        NotFound: there is none.
        ModelRemoved: there was.
        LegacyIdAmbiguous: there are several.
    """
    try:
        return find_model(room, name)
    except ModelRemoved:
        raise
    except NotFound:
        found = models_by_legacy_id(room, name)
        if len(found) > 1:
            models = ", ".join(model.id for model in found)
            raise LegacyIdAmbiguous(name=name, models=models) from None
        if not found:
            raise
        return found[0]


def models_by_legacy_id(room: Manifest, legacy_id: str) -> list[ManifestModel]:
    """Return the models of a room that the existing tool called so, those that were removed left out."""
    known = {model.id: model.legacy_ids for model in list_models(room)}
    return [room.models[model_id] for model_id in models_of_legacy_id(legacy_id, known)]
