"""Adapter: models and predictions in the rooms bucket, with the worker's own credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.storage.keys import ResultsFolder
from sleap_rtc.storage.own_session import OwnSession
from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.events.inference import FixedModel
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.rooms_storage import RoomsStorage
    from sleap_rtc.storage.s3_transfers import S3Transfers


class S3RoomModels:
    """Reads the manifest itself and signs its own URLs.

    Args:
        rooms: the manifests.
        transfers: the rooms bucket.
        traffic: is told of requests and bytes.
    """

    def __init__(self, rooms: RoomsStorage, transfers: S3Transfers, traffic: Traffic = SILENT) -> None:
        self._rooms = rooms
        self._transfers = transfers
        self._traffic = traffic

    def bring(self, room_id: str, model: FixedModel, folder: Path) -> Path:
        """Bring a model's files."""
        room, sign_get = self._rooms.of(room_id), self._transfers.sign_get
        return room.download_model(model.model_id, folder, sign_get, self._traffic)


class S3Results:
    """Signs its own URLs.

    Args:
        objects: the rooms bucket.
        transfers: the same bucket.
    """

    def __init__(self, objects: ObjectStore, transfers: S3Transfers) -> None:
        self._objects = objects
        self._transfers = transfers

    def open(self, hold: Hold, file: ModelFile) -> OwnSession:
        """Open the upload of a file."""
        key = ResultsFolder(hold.room_id, hold.job_id, hold.fencing).file(file.name)
        return OwnSession.open(self._objects, self._transfers, key, file.size_bytes, file.checksum)
