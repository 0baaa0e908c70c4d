"""Orchestration: a training package of the existing tool, one configuration after the other.

    TRAIN_JOB_START::centroid
    lines, and PROGRESS_REPORT::… for whoever has a window for it
    TRAIN_JOB_END::centroid, or TRAIN_JOB_ERROR::centroid::why
    … the next configuration …
    TRAINING_JOBS_DONE

Where the existing worker falls silent, because its engine is missing or the package is none, there is a
TRAIN_JOB_ERROR with the reason, and then the end.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events.job_commands import Stop
from sleap_rtc.live.legacy_frames import (
    ControlCommand,
    LegacyFrame,
    LogLine,
    ProgressReport,
    TrainingJobsDone,
    TrainJobEnd,
    TrainJobError,
    TrainJobStart,
    ZmqCtrl,
)
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.storage.model_folder import ModelFolderRefused, read_model_folder
from sleap_rtc.worker.errors import TrainingFailed
from sleap_rtc.worker.legacy_results import zip_results
from sleap_rtc.worker.package import extract, read_packages
from sleap_rtc.worker.training_commands import TrainingCommands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.storage.model_folder import ModelFolder
    from sleap_rtc.worker.legacy_intake import Parcel
    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.trainer import Trainer, TrainingResult

log = logging.getLogger(__name__)

_LONGEST_WHY = 500


@dataclass(frozen=True)
class Trained:
    """A model that came out, and what it came from."""

    package: TrainingPackage
    result: TrainingResult
    model: ModelFolder


class LegacyTraining:
    """Trains one package.

    Args:
        parcel: the package as it came.
        trainer: the engine.
        say: sends a frame to the client, if it is still there; called from the thread that runs this.
    """

    def __init__(self, parcel: Parcel, trainer: Trainer, say: Callable[[LegacyFrame], None]) -> None:
        self._parcel = parcel
        self._trainer = trainer
        self.trained: list[Trained] = []
        """What came out so far."""
        self._say = say
        self._stop = threading.Event()
        self._why_stopped = ""
        self._commands = TrainingCommands()

    def run(self, folder: Path) -> Path | None:
        """Unpack into an empty folder and train; return the file that the client gets, if there is one.

        What went wrong has been said. Whatever happens, the last word is that nothing more is trained.
        """
        try:
            into = folder / "package"
            into.mkdir()
            extract(self._parcel.path, into)
            for package in read_packages(into):
                self._train(package)
            if not self.trained:
                return None
            target = folder / f"trained_{self._parcel.stem}.zip"
            return zip_results(target, [each.result.folder for each in self.trained])
        except SleapRtcError as error:
            self._fail(self._parcel.stem, str(error))
        except OSError as error:
            self._fail(self._parcel.stem, f"the disk of the worker did not take it ({error.strerror})")
        finally:
            self._say(TrainingJobsDone())
        return None

    def hear(self, frame: LegacyFrame | bytes) -> None:
        """Take what the client says meanwhile. All that engines obey is a stop."""
        if isinstance(frame, ZmqCtrl | ControlCommand):
            try:
                command = json.loads(frame.json)
            except (ValueError, RecursionError):
                command = None
            if isinstance(command, dict) and command.get("command") == "stop":
                self._commands.ask(Stop(), str(ULID()))
            else:
                log.info("a command that no engine has: %.100r", frame.json)

    def give_up(self, why: str) -> None:
        """End the engine at once, whichever it is at, and begin with no other."""
        self._why_stopped = why
        self._stop.set()

    def _train(self, package: TrainingPackage) -> None:
        job = package.run_name
        self._say(TrainJobStart(job))
        if self._stop.is_set():
            self._fail(job, self._why_stopped)
            return
        self._commands = TrainingCommands()
        try:
            result = self._trainer.train(
                package,
                {},
                lambda line: self._say(LogLine(line)),
                self._stop,
                commands=self._commands,
                on_message=self._report,
            )
            if self._stop.is_set():
                self._fail(job, self._why_stopped)
                return
            model = read_model_folder(result.folder)
        except TrainingFailed as error:
            # The client knows a number to be the engine's exit status; the words are in its lines.
            self._fail(job, str(error.exit_status), str(error))
        except ModelFolderRefused as refused:
            self._fail(job, f"of what the engine left, {refused.why}")
        except SleapRtcError as error:
            self._fail(job, str(error))
        else:
            self.trained.append(Trained(package, result, model))
            self._say(TrainJobEnd(job))

    def _fail(self, job: str, why: str, line: str = "") -> None:
        log.warning("job %s of a peer: %s", job, line or why)
        self._say(LogLine(line or why))
        self._say(TrainJobError(job, why[:_LONGEST_WHY]))

    def _report(self, message: str) -> None:
        if self._parcel.wants_progress:
            self._say(ProgressReport(message))
