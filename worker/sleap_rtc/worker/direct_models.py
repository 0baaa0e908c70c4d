"""Orchestration: where models of directly submitted jobs go: they are kept here, and in the room if possible.

The client reads them from here. That the room has them, too, is a service to everybody: if it does not work,
the job has a model all the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.worker.errors import ModelNotKept
from sleap_rtc.worker.model_publisher import record_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.storage.manifest import ModelFile, ModelRecord
    from sleap_rtc.storage.transfer_hold import TransferHold
    from sleap_rtc.worker.legacy_shop import GuestModels
    from sleap_rtc.worker.served_models import ServedModels
    from sleap_rtc.worker.trained_model import TrainedModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """A model that is kept here, and whether the room has it, too."""

    record: ModelRecord
    in_room: bool


class DirectModels:
    """Takes the models of one job.

    Args:
        kept: the models that are read out.
        guests: takes models of the room that no job of it made; None where no room keeps any.
        on_kept: called once a model more is kept.
    """

    def __init__(
        self, kept: ServedModels, guests: GuestModels | None, on_kept: Callable[[], None] = lambda: None
    ) -> None:
        self._kept = kept
        self._guests = guests
        self._on_kept = on_kept
        self.taken: list[Taken] = []

    def describe(self, trained: TrainedModel) -> ModelRecord:
        """Return the record of the model, which to the room no job made. Raises TrainingFailed."""
        of_job = record_of(trained)
        fields = type(of_job).model_fields
        return of_job.model_copy(
            update={name: fields[name].default for name in ("job_id", "attempt", "fencing", "turn")}
        )

    def send(
        self,
        folder: Path,
        record: ModelRecord,
        on_file: Callable[[ModelFile], None],
        hold: TransferHold | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> None:
        """Keep the model, and bring it to the room.

        Raises:
            ModelNotKept: it could not be.
        """
        del hold
        self._kept.keep(folder, record)
        if record.model_id not in self._kept.ids():
            raise ModelNotKept(size_bytes=record.size_bytes)
        self._on_kept()
        self.taken.append(Taken(record, in_room=self._sent(folder, record)))
        for file in record.files:
            on_file(file)
        on_progress(TransferProgress(record.size_bytes, record.size_bytes))

    def _sent(self, folder: Path, record: ModelRecord) -> bool:
        if self._guests is None:
            return False
        try:
            self._guests.send(folder, record)
        except SleapRtcError as error:
            log.warning("model %s is not in the room: %s", record.model_id, error)
            return False
        return True
