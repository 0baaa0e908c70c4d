"""Adapter: a process of the local stack that cannot outlive it.

`python -m sleap_rtc.local.child COMMAND...` runs a command and holds a pipe to whoever started it. When that
pipe closes, because the stack ended or was killed with -9, the command is ended too: politely, then by force.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_GRACE_S = 10.0


class Child:
    """One running process of the stack, its output in a log file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._output: IO[bytes] = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sleap_rtc.local.child", *command],
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

    def kill(self) -> None:
        """End it as `kill -9` would, with what it started."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self, lines: int = 5) -> str:
        """Return the end of its log."""
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE_S + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def main(command: Sequence[str]) -> int:
    """Run the command until it ends or the pipe closes."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end() -> None:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()

    def watch() -> None:
        sys.stdin.buffer.read()
        end()

    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    threading.Thread(target=watch, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    # Leave without waiting for the thread that still reads the pipe.
    os._exit(main(sys.argv[1:]) & 0xFF)
