"""Orchestration: runs the inference of an engine to its end, and says why where there is none."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sleap_rtc.worker.engine_run import run_engine
from sleap_rtc.worker.tracking_failure import tracking_failure
from sleap_rtc.worker.trainer import TITLES, track_command

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from subprocess import Popen

    from sleap_rtc.worker.trainer import TrainerName

_LAST_LINES = 20


class Tracker:
    """Drives an engine that has the command line of `sleap-nn track`."""

    def __init__(self, name: TrainerName) -> None:
        self._name = name
        self.title = TITLES[name]

    def track(
        self,
        arguments: Sequence[str],
        folder: Path,
        on_line: Callable[[str], None],
        stop: threading.Event,
        on_start: Callable[[Popen[str]], None],
    ) -> None:
        """Predict until it is done, or until `stop` is set, which ends the engine at once.

        Args:
            arguments: what follows `track`.
            folder: where the engine runs.
            on_line: called for each line of output.
            stop: set when the job is not ours any more.
            on_start: given the process, to be held and let go.

        Raises:
            TrainerMissing: the engine is not installed here.
            JobFailed: it ended with a fault; which kind of it says why.
        """
        last: deque[str] = deque(maxlen=_LAST_LINES)

        def on_output(line: str) -> None:
            last.append(line)
            on_line(line)

        status = run_engine([*track_command(self._name), *arguments], folder, on_output, stop, on_start)
        if status and not stop.is_set():
            raise tracking_failure(self._name, self.title, status, list(last))
