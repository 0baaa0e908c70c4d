"""Orchestration: what one instance of the service is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.room_storage import RoomStorage

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from sleap_rtc.service.datasets import Datasets
    from sleap_rtc.service.identity import TokenVerifier
    from sleap_rtc.service.jobs import Jobs
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.service.streams import Streams
    from sleap_rtc.service.uploads import Uploads
    from sleap_rtc.storage.s3_store import S3ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers


@dataclass(frozen=True)
class Parts:
    """Made by `wiring`, used by the handlers."""

    tokens: TokenVerifier
    rooms: Rooms
    uploads: Uploads
    datasets: Datasets
    jobs: Jobs
    streams: Streams
    room_objects: S3ObjectStore
    room_transfers: S3Transfers
    metrics: CollectorRegistry

    def room_storage(self, room_id: str) -> RoomStorage:
        """Return the models of a room."""
        return RoomStorage(room_id, self.room_objects, self.room_objects.bucket)
