"""Orchestration: what this worker does for clients of the existing tool: train, track, and keep their models.

A model that such a client had trained is published like one that somebody pushed to the room: it has no job.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.live.legacy_frames import TRACK
from sleap_rtc.storage.checksum import crc_of_stream, to_text
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.manifest import ModelRecord
from sleap_rtc.storage.model_folder import read_table
from sleap_rtc.worker.job_attempt import lineage_of
from sleap_rtc.worker.legacy_tracking import LegacyTracking
from sleap_rtc.worker.legacy_training import LegacyTraining
from sleap_rtc.worker.lineage import metrics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sleap_rtc.live.legacy_frames import LegacyFrame
    from sleap_rtc.worker.legacy_intake import Parcel
    from sleap_rtc.worker.legacy_training import Trained
    from sleap_rtc.worker.trainer import Trainer

log = logging.getLogger(__name__)


class Errand(Protocol):
    """What is done with one package, in a thread."""

    @property
    def trained(self) -> Sequence[Trained]:
        """The models that came out so far."""

    def run(self, folder: Path) -> Path | None:
        """Do it in an empty folder; return the file that the client gets, if there is one."""

    def hear(self, frame: LegacyFrame | bytes) -> None:
        """Take what the client says meanwhile; called in the event loop."""

    def give_up(self, why: str) -> None:
        """End it at once."""


class GuestModels(Protocol):
    """Where models of a room go that no job of it made."""

    def send(self, folder: Path, record: ModelRecord) -> None:
        """Send the files and publish the record. Raises Unreachable, Refused, TransferFailed, FileChanged."""


class LegacyShop:
    """One worker's.

    Args:
        room_id: whose room it is in.
        worker_id: its own.
        trainer: what trains.
        models: where models go; None for a worker whose room keeps none.
    """

    def __init__(
        self,
        room_id: str,
        worker_id: str,
        trainer: Trainer,
        models: GuestModels | None = None,
    ) -> None:
        self._room_id = room_id
        self._worker_id = worker_id
        self._trainer = trainer
        self._models = models

    def errand(self, parcel: Parcel, say: Callable[[LegacyFrame], None]) -> Errand:
        """Return what is done with a package."""
        if parcel.kind == TRACK:
            return LegacyTracking(parcel, say)
        return LegacyTraining(parcel, self._trainer, say)

    def goes_on_alone(self, parcel: Parcel) -> bool:
        """Tell whether somebody gets what comes of a package when the client has left."""
        return self._models is not None and parcel.kind != TRACK

    def keep(self, peer_id: str, parcel: Parcel, trained: Sequence[Trained]) -> None:
        """Publish models in the room. What goes wrong is logged: the client has its own."""
        if self._models is None:
            return
        for each in trained:
            record = self._record(peer_id, parcel, each)
            try:
                self._models.send(each.result.folder, record)
            except SleapRtcError as error:
                log.error("model %s of %s is not in the room: %s", record.model_id, peer_id, error)
            else:
                log.info("model %s of %s is published", record.model_id, peer_id)

    def _record(self, peer_id: str, parcel: Parcel, trained: Trained) -> ModelRecord:
        lineage = lineage_of(trained.package, trained.result)
        with parcel.path.open("rb") as package:
            dataset_crc, _ = crc_of_stream(package)
        return ModelRecord(
            model_id=trained.model.model_id,
            model_type=trained.package.model_type,
            room_id=self._room_id,
            files=trained.model.files,
            dataset_checksum=to_text(dataset_crc),
            config_checksum=lineage.config_checksum,
            software=dict(lineage.software),
            hyperparameters=dict(lineage.hyperparameters),
            trainer=self._trainer.title,
            trained_by=peer_id,
            trained_on_worker=self._worker_id,
            trained_at=datetime.now(UTC),
            metrics=metrics_of(read_table(trained.result.folder, "metrics.json"), lineage),
        )
