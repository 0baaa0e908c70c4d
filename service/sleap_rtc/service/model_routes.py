"""Adapter: the routes by which people look at a room's models and change them.

Readers look, members change, owners collect garbage and repair; a stranger learns nothing.
"""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from sleap_rtc.events.registry_api import (
    AddVersion,
    AliasesView,
    ChangeModel,
    CollectGarbage,
    DiffView,
    GarbageView,
    ModelDetails,
    ModelPage,
    RepairView,
    RevisionView,
    SetAlias,
)
from sleap_rtc.service.callers import C, P, W
from sleap_rtc.service.identity import Caller
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import Alias, ModelName, RoomId
from sleap_rtc.service.problems import READS, WRITES, answers
from sleap_rtc.storage.errors import Refused
from sleap_rtc.storage.manifest import Manifest
from sleap_rtc.storage.manifest_changes import AliasMoved, LegacyIdAmbiguous, ModelRemoved
from sleap_rtc.storage.model_name import NameRefused, TagRefused

model_api = APIRouter(prefix="/api/rooms/{room_id}", dependencies=[COUNTED])


def reader_of(room_id: RoomId, parts: P, caller: C) -> str:
    """Return the room of the path if the caller is in it. Raises NotFound."""
    return parts.rooms.enter(room_id, caller).room_id


def owner_of(room_id: RoomId, parts: P, caller: C) -> Caller:
    """Return who is calling if the room of the path is his. Raises NotFound, Refused."""
    if parts.rooms.enter(room_id, caller).role_of(caller.subject) != "owner":
        raise Refused(where="The service", why=f"only owners of room {room_id} may do this")
    return caller


R = Annotated[str, Depends(reader_of)]
O = Annotated[Caller, Depends(owner_of)]  # noqa: E741 - beside C, P and W
Most = Annotated[int, Query(ge=1, le=1000)]
Revision = Annotated[int, Query(ge=0)]
Filter = Annotated[str | None, Query(min_length=1, max_length=64)]


@model_api.get("/manifest", responses=answers(*READS))
def show_manifest(room: R, parts: P) -> Manifest:
    """Return the room's manifest, and who can serve its models now."""
    return parts.registry.manifest(room)


@model_api.get("/models", responses=answers(*READS))
def list_models(
    room: R,
    parts: P,
    tag: Filter = None,
    model_type: Filter = None,
    removed: bool = False,
    most: Most = 50,
    after: Filter = None,
) -> ModelPage:
    """List the room's models, the newest first; `after` is the last id of the page before."""
    return parts.registry.page(room, most, after=after, tag=tag, model_type=model_type, removed=removed)


@model_api.get("/models/{model}", responses=answers(*READS, ModelRemoved, LegacyIdAmbiguous))
def show_model(room: R, model: ModelName, parts: P) -> ModelDetails:
    """Show a model by its id, an alias, a name's version or an id of the existing tool."""
    return parts.registry.details(room, model)


@model_api.patch("/models/{model}", responses=answers(*WRITES, TagRefused, ModelRemoved, LegacyIdAmbiguous))
def change_model(room_id: RoomId, model: ModelName, body: ChangeModel, parts: P, caller: W) -> ModelDetails:
    """Change a model's tags and notes."""
    return parts.registry.change(room_id, model, body, caller)


@model_api.delete("/models/{model}", responses=answers(*WRITES, ModelRemoved, LegacyIdAmbiguous))
def remove_model(room_id: RoomId, model: ModelName, parts: P, caller: W) -> ModelDetails:
    """Hide a model; its files stay."""
    return parts.registry.remove(room_id, model, caller)


@model_api.post("/models/{model}/restore", responses=answers(*WRITES, ModelRemoved, LegacyIdAmbiguous))
def restore_model(room_id: RoomId, model: ModelName, parts: P, caller: W) -> ModelDetails:
    """Show a removed model again."""
    return parts.registry.restore(room_id, model, caller)


@model_api.get("/aliases", responses=answers(*READS))
def list_aliases(room: R, parts: P) -> AliasesView:
    """List which model each alias names."""
    return parts.registry.aliases(room)


@model_api.put(
    "/aliases/{alias}", responses=answers(*WRITES, NameRefused, AliasMoved, ModelRemoved, LegacyIdAmbiguous)
)
def set_alias(room_id: RoomId, alias: Alias, body: SetAlias, parts: P, caller: W) -> ModelDetails:
    """Let an alias name a model, if it names what the caller saw it at."""
    return parts.registry.set_alias(room_id, alias, body, caller)


@model_api.delete("/aliases/{alias}", responses=answers(*WRITES, NameRefused, AliasMoved))
def remove_alias(
    room_id: RoomId, alias: Alias, expected: Annotated[str, Query(max_length=64)], parts: P, caller: W
) -> AliasesView:
    """Take an alias off the model that the caller saw it at."""
    return parts.registry.remove_alias(room_id, alias, expected, caller)


@model_api.post(
    "/versions", status_code=201, responses=answers(*WRITES, NameRefused, ModelRemoved, LegacyIdAmbiguous)
)
def add_version(room_id: RoomId, body: AddVersion, parts: P, caller: W) -> ModelDetails:
    """Make a model the next version of a name."""
    return parts.registry.add_version(room_id, body.name, body.model, caller)


@model_api.get("/history", responses=answers(*READS))
def history(room: R, parts: P, most: Most = 50) -> list[RevisionView]:
    """Say who changed what, the newest first."""
    return parts.registry.history(room, most)


@model_api.get("/diff", responses=answers(*READS))
def diff(room: R, parts: P, before: Revision, after: Revision | None = None) -> DiffView:
    """Say what changed between two revisions, or since one."""
    return parts.registry.diff(room, before, after)


@model_api.post("/gc", responses=answers(*WRITES))
def collect_garbage(room_id: RoomId, body: CollectGarbage, parts: P, _: O) -> GarbageView:
    """Find the model folders that no revision names, and delete them if that is asked for."""
    return parts.registry.collect_garbage(room_id, body)


@model_api.post("/repair", responses=answers(*WRITES))
def repair(room_id: RoomId, parts: P, caller: O) -> RepairView:
    """Bring a lost or damaged manifest back."""
    return parts.registry.repair(room_id, caller)
