"""Adapter: a process of the local stack, on a tether, so that it cannot outlive the stack."""

from __future__ import annotations

import os
import subprocess
from typing import IO, TYPE_CHECKING

from sleap_rtc.worker.tether import GRACE_S, kill_session, tethered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Child:
    """One running process of the stack, its output in a log file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._output: IO[bytes] = log.open("ab")
        self._process = subprocess.Popen(
            tethered(command),
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            # Ctrl-C in the terminal is for the stack, which then ends its children in order.
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for a process that ends by itself; return its exit status."""
        status = self._process.wait()
        self.stop()
        return status

    def ask_to_end(self) -> None:
        """Send it SIGTERM, as a supervisor does; `wait` tells how it ended."""
        self._process.terminate()

    def kill(self) -> None:
        """End it as `kill -9` would, with what it started."""
        kill_session(self._process)

    def last_words(self, lines: int = 5) -> str:
        """Return the end of its log."""
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_S + 5)
        except subprocess.TimeoutExpired:
            kill_session(self._process)
        self._output.close()
