"""Orchestration: what a member downloads a model with: a signed URL for each file, and whom to ask first."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sleap_rtc.events.api import FileDownload, ModelDownload
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import DOWNLOAD_OFFERED
from sleap_rtc.storage import keys
from sleap_rtc.storage.model_download import etag_of

if TYPE_CHECKING:
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.parts import Parts
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.room import Room

log = logging.getLogger(__name__)


def offer_model(parts: Parts, room: Room, name: str, caller: Caller) -> ModelDownload:
    """Return what a member of a room downloads a model with.

    Raises:
        NotFound: the room has no such model.
        ModelRemoved: it had.
        ModelFileGone: it lists the model, and a file of it is not in the store.
    """
    model = parts.models.of(room.room_id).get_model(name)
    folder = keys.ModelFolder(room.room_id, model.model_type, model.id)
    # Readers have no place among live peers, so there is nobody whom they could ask.
    reads_only = room.role_of(caller.subject) == "reader"
    offered = ModelDownload(
        model=model,
        files=[_offer_file(parts, folder, file) for file in model.storage.files],
        peers=[] if reads_only else parts.registry.peers(room.room_id, model.id),
    )
    log_event(
        log,
        DOWNLOAD_OFFERED,
        content="model",
        subject=model.id,
        size_bytes=model.storage.size_bytes,
        room_id=room.room_id,
    )
    return offered


def _offer_file(parts: Parts, folder: keys.ModelFolder, file: ModelFile) -> FileDownload:
    return FileDownload(
        name=file.name,
        size_bytes=file.size_bytes,
        checksum=file.checksum,
        etag=etag_of(parts.room_objects, folder, file),
        url=parts.room_transfers.sign_get(folder.file(file.name)),
    )
