"""Adapter: the routes of models that are brought to a room, all of them for those who may write in it."""

# ruff: noqa: TC001 - FastAPI reads the annotations

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from sleap_rtc.events.api import SignedParts
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.push_api import (
    FOLDER_PATTERN,
    AbortPushedFile,
    CompletePushedFile,
    OpenPushedFile,
    PublishPushed,
    PushedModel,
    SignPushedParts,
)
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.service.callers import AtWork, P
from sleap_rtc.service.errors import KeyReused
from sleap_rtc.service.limit_headers import COUNTED
from sleap_rtc.service.path_ids import RoomId
from sleap_rtc.service.problems import WRITES, answers
from sleap_rtc.service.pushed_models import PushRefused
from sleap_rtc.service.receipts import IdempotencyKey
from sleap_rtc.storage.errors import InputError, IntegrityError

push_api = APIRouter(prefix="/api/rooms/{room_id}/pushed-models/{folder}", dependencies=[COUNTED])
Folder = Annotated[str, Path(pattern=FOLDER_PATTERN)]
_DONE = Acknowledged()


@push_api.post("/open", status_code=201, responses=answers(*WRITES, PushRefused, InputError, KeyReused))
def open_file(
    room_id: RoomId, folder: Folder, body: OpenPushedFile, parts: P, caller: AtWork, key: IdempotencyKey = ""
) -> ModelFileOpened:
    """Open a multipart upload of one file, unless the room has it."""

    def opened() -> ModelFileOpened:
        return parts.pushed_models.open(room_id, folder, body)

    operation = f"{room_id}/{folder}/files"
    return parts.receipts.once(caller, operation, key, body, ModelFileOpened, opened)


@push_api.post("/sign-parts", responses=answers(*WRITES, PushRefused, InputError))
def sign_parts(
    room_id: RoomId, folder: Folder, body: SignPushedParts, parts: P, caller: AtWork
) -> SignedParts:
    """Sign URLs for the next few parts, each for exactly these bytes."""
    del caller
    return SignedParts(urls=parts.pushed_models.sign(room_id, folder, body))


@push_api.post("/complete", responses=answers(*WRITES, PushRefused, InputError, IntegrityError))
def complete(
    room_id: RoomId, folder: Folder, body: CompletePushedFile, parts: P, caller: AtWork
) -> Acknowledged:
    """Make the object of its parts."""
    del caller
    parts.pushed_models.complete(room_id, folder, body)
    return _DONE


@push_api.post("/abort", responses=answers(*WRITES, PushRefused, InputError))
def abort(room_id: RoomId, folder: Folder, body: AbortPushedFile, parts: P, caller: AtWork) -> Acknowledged:
    """Give an upload up and free what it holds."""
    del caller
    parts.pushed_models.abort(room_id, folder, body)
    return _DONE


@push_api.post("/publish", responses=answers(*WRITES, PushRefused))
def publish(room_id: RoomId, folder: Folder, body: PublishPushed, parts: P, caller: AtWork) -> PushedModel:
    """Write the model's record, which publishes it."""
    return parts.pushed_models.publish(room_id, folder, body, caller)
