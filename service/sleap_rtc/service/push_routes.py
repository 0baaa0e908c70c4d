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
from sleap_rtc.service.callers import P, W
from sleap_rtc.service.problems import PROBLEMS

push_api = APIRouter(prefix="/api/rooms/{room_id}/pushed-models/{folder}", responses=PROBLEMS)
Folder = Annotated[str, Path(pattern=FOLDER_PATTERN)]
_DONE = Acknowledged()


@push_api.post("/open", status_code=201)
def open_file(room_id: str, folder: Folder, body: OpenPushedFile, parts: P, caller: W) -> ModelFileOpened:
    """Open a multipart upload of one file, unless the room has it."""
    del caller
    return parts.pushed_models.open(room_id, folder, body)


@push_api.post("/sign-parts")
def sign_parts(room_id: str, folder: Folder, body: SignPushedParts, parts: P, caller: W) -> SignedParts:
    """Sign URLs for the next few parts, each for exactly these bytes."""
    del caller
    return SignedParts(urls=parts.pushed_models.sign(room_id, folder, body))


@push_api.post("/complete")
def complete(room_id: str, folder: Folder, body: CompletePushedFile, parts: P, caller: W) -> Acknowledged:
    """Make the object of its parts."""
    del caller
    parts.pushed_models.complete(room_id, folder, body)
    return _DONE


@push_api.post("/abort")
def abort(room_id: str, folder: Folder, body: AbortPushedFile, parts: P, caller: W) -> Acknowledged:
    """Give an upload up and free what it holds."""
    del caller
    parts.pushed_models.abort(room_id, folder, body)
    return _DONE


@push_api.post("/publish")
def publish(room_id: str, folder: Folder, body: PublishPushed, parts: P, caller: W) -> PushedModel:
    """Write the model's record, which publishes it."""
    return parts.pushed_models.publish(room_id, folder, body, caller)
