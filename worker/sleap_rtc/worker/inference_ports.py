"""Pure: the ports of an inference: what brings models of the room, and what takes predictions to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.storage.traffic import SILENT, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.events.inference import FixedModel
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.storage.file_upload import FileUpload
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.worker.tracker import Tracker
    from sleap_rtc.worker.trainer import TrainerName


class RoomModels(Protocol):
    """Brings models of a room, whoever signs for it."""

    def bring(self, room_id: str, model: FixedModel, folder: Path) -> Path:
        """Bring a model's files into a folder of its own below `folder`, verified, and return that one.

        Raises:
            NotFound: the room has no such model any more, or the store has lost a file of it.
            IntegrityError: a file is not what was published.
            DiskFull, TransferFailed, Unreachable: it did not come.
        """


class ResultsStore(Protocol):
    """Takes predictions to the room, whoever signs for it. Every method may raise Unreachable and Refused."""

    def open(self, hold: Hold, file: ModelFile) -> FileUpload:
        """Open the upload of a file, which is not empty, into the results folder of a held job.

        Raises:
            LeaseLost: the job is not the holder's any more, where somebody looks.
        """


@dataclass(frozen=True)
class Inference:
    """What a worker needs for inferences: the two ports, the engines by their names, and who is told of the
    bytes."""

    models: RoomModels
    results: ResultsStore
    tracker: Callable[[TrainerName], Tracker]
    traffic: Traffic = SILENT
