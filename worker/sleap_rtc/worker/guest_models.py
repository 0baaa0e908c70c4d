"""Adapter: models of a room that no job of it made, sent with own credentials or by way of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.push_api import PublishPushed
from sleap_rtc.events.push_session import PushSession
from sleap_rtc.storage.file_upload import send_file
from sleap_rtc.storage.plain_values import scalars
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.model_publisher import ModelPublisher

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.storage.manifest import ModelRecord
    from sleap_rtc.worker.model_store import ModelStore


class OwnGuestModels:
    """Writes to the rooms bucket itself."""

    def __init__(self, store: ModelStore, traffic: Traffic = SILENT) -> None:
        self._publisher = ModelPublisher(store, traffic=traffic)

    def send(self, folder: Path, record: ModelRecord) -> None:
        """Send the files and publish the record."""
        self._publisher.send(folder, record, lambda _: None)


class ServiceGuestModels:
    """Has the service sign; it takes the models as pushed by the worker, for the peer."""

    def __init__(self, service: ServiceHttp, traffic: Traffic = SILENT) -> None:
        self._service = service
        self._traffic = traffic.of("model")

    def send(self, folder: Path, record: ModelRecord) -> None:
        """Send the files and publish the record."""
        session = PushSession(self._service, record.room_id, record.model_type, record.model_id, record.files)
        for file in record.files:
            upload = session.open(file)
            if upload is not None:
                send_file(folder / file.name, file, upload, traffic=self._traffic)
        session.publish(
            PublishPushed(
                files=session.files,
                trainer=record.trainer,
                trained_at=record.trained_at,
                trained_for=record.trained_by,
                dataset_checksum=record.dataset_checksum or None,
                config_checksum=record.config_checksum or None,
                software=record.software,
                hyperparameters=record.hyperparameters,
                metrics=scalars(record.metrics),
            )
        )
