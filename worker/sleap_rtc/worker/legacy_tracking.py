"""Orchestration: an inference package of the existing tool, told frame by frame.

    INFERENCE_START
    INFERENCE_JOB_START::inference
    TRACK_LOG:line
    INFERENCE_JOB_END::inference, or INFERENCE_JOB_ERROR::inference::why
    the file
    INFERENCE_JOBS_DONE

Where the existing worker falls silent there is an INFERENCE_ERROR with the reason, and then the end.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sleap_rtc.live.legacy_frames import (
    InferenceError,
    InferenceJobEnd,
    InferenceJobError,
    InferenceJobStart,
    InferenceStart,
    LegacyFrame,
    TrackLog,
)
from sleap_rtc.storage.errors import SleapRtcError
from sleap_rtc.worker.engine_run import run_engine
from sleap_rtc.worker.package import extract, find_script
from sleap_rtc.worker.track_outputs import labels_in, output_of
from sleap_rtc.worker.track_script import SCRIPT, read_track_script
from sleap_rtc.worker.trainer import track_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.worker.legacy_intake import Parcel

log = logging.getLogger(__name__)

_JOB = "inference"
_LONGEST_WHY = 500


class LegacyTracking:
    """Runs one package.

    Args:
        parcel: the package as it came.
        say: sends a frame to the client, if it is still there; called from the thread that runs this.
    """

    def __init__(self, parcel: Parcel, say: Callable[[LegacyFrame], None]) -> None:
        self._parcel = parcel
        self._say = say
        self._stop = threading.Event()
        self._why_stopped = ""

    @property
    def trained(self) -> tuple[()]:
        """No models come of it."""
        return ()

    def run(self, folder: Path) -> Path | None:
        """Unpack into an empty folder and run; return the file that the client gets, if there is one.

        What went wrong has been said.
        """
        try:
            return self._run(folder / "package")
        except SleapRtcError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(f"the disk of the worker did not take it ({error.strerror})")
        return None

    def hear(self, frame: LegacyFrame | bytes) -> None:
        """Take what the client says meanwhile: nothing that an engine would obey."""

    def give_up(self, why: str) -> None:
        """End the engine at once."""
        self._why_stopped = why
        self._stop.set()

    def _run(self, into: Path) -> Path | None:
        into.mkdir()
        extract(self._parcel.path, into)
        script = find_script(into, SCRIPT)
        commands = read_track_script(script.read_text(encoding="utf-8", errors="replace"))
        start = track_command()
        self._say(InferenceStart())
        before = set(labels_in(script.parent))
        for command in commands:
            if not self._do([*start, *command.arguments], script.parent):
                return None
        return output_of(script.parent, commands[-1], before)

    def _do(self, arguments: list[str], folder: Path) -> bool:
        self._say(InferenceJobStart(_JOB))
        status = run_engine(arguments, folder, lambda line: self._say(TrackLog(line)), self._stop)
        if self._stop.is_set():
            self._say(InferenceJobError(_JOB, self._why_stopped))
        elif status:
            self._say(InferenceJobError(_JOB, str(status)))
        else:
            self._say(InferenceJobEnd(_JOB))
        return not status and not self._stop.is_set()

    def _fail(self, why: str) -> None:
        log.warning("inference for a peer: %s", why)
        self._say(TrackLog(why))
        self._say(InferenceError(why[:_LONGEST_WHY]))
