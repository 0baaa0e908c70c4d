"""Orchestration: an inference, as people watch it and command it: its processes can be held and let go."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from sleap_rtc.events.job_commands import CommandAnswer, Pause, Resume
from sleap_rtc.worker.tether import hold_session, release_session

if TYPE_CHECKING:
    from subprocess import Popen

    from sleap_rtc.events.job_commands import Command

CAN_HOLD = sys.platform != "win32"


class TrackingStage:
    """The inference of one job, each of its commands after the other."""

    abilities = ("pause", "resume") if CAN_HOLD else ()
    """What it can be told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Popen[str] | None = None
        self._held = False

    held = False
    """What was predicted is sent, however long it was paused."""

    def started(self, process: Popen[str]) -> None:
        """Have this process held and let go from now on."""
        with self._lock:
            self._process = process
            if self._held:
                hold_session(process)

    def pause(self) -> None:
        """Begin held."""
        with self._lock:
            if CAN_HOLD and not self._held:
                self._held = True
                if self._process is not None:
                    hold_session(self._process)

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        """Carry a command out, or say why not."""
        del command_id, by
        if not isinstance(command, Pause | Resume):
            return CommandAnswer.refused(
                f"an inference cannot {command.name.replace('_', ' ')}; `sleap-rtc jobs cancel` ends it"
            )
        if not CAN_HOLD:
            return CommandAnswer.refused(
                "this system cannot hold an inference; `sleap-rtc jobs cancel` ends it"
            )
        if isinstance(command, Pause):
            self.pause()
            return CommandAnswer(outcome="done", text="the inference is paused; it keeps its memory")
        with self._lock:
            if self._held and self._process is not None:
                release_session(self._process)
            self._held = False
        return CommandAnswer(outcome="done", text="the inference goes on")
