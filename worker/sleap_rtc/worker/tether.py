"""Adapter: a process that cannot outlive whoever started it.

`python -m sleap_rtc.worker.tether COMMAND...` runs a command and holds a pipe, its standard input, to its
parent. When the pipe closes, because the parent ended or was killed with -9, the command and everything that
it started are ended too: politely, then by force. It has to be started in a session of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GRACE_S = 10.0
_LOOK_EVERY_S = 0.1
_CANNOT_START = 127


def tethered(command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command on a tether."""
    return [sys.executable, "-m", "sleap_rtc.worker.tether", *command]


def kill_session(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """End a tethered process and everything that it started as `kill -9` would."""
    if sys.platform == "win32":
        process.kill()
    else:
        # The group lives on with its last member, when the tether itself is dead already.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def hold_session(process: subprocess.Popen[str]) -> None:
    """Let nothing of a tethered process run until `release_session`; the tether itself stays awake.

    Whoever started it may die meanwhile: the tether then ends what is held.
    """
    _signal_members(process.pid, "SIGSTOP")


def release_session(process: subprocess.Popen[str]) -> None:
    """Let it run again."""
    _signal_members(process.pid, "SIGCONT")


def _signal_members(session: int, name: str) -> None:
    # Twice: a process that is just being started may be missed the first time.
    for _ in range(2):
        for pid in _members(session):
            with suppress(ProcessLookupError):
                os.kill(pid, getattr(signal, name))


def _members(session: int) -> list[int]:
    """Return the processes of a session without its leader, the tether."""
    import psutil

    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if pid != session and os.getsid(pid) == session:
                found.append(pid)
    return found


def main(command: Sequence[str]) -> int:
    """Run the command until it ends or the pipe closes; return its exit status as a shell would."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror or error}\n")
        return _CANNOT_START
    cut = threading.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        cut.set()
        process.terminate()
        if sys.platform != "win32":  # one that is held takes its end only when it is let go
            _signal_members(os.getpid(), "SIGCONT")

    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    threading.Thread(target=watch, daemon=True).start()
    status = _wait(process, cut)
    _end_children(by_force=cut.is_set())
    return status if status >= 0 else 128 - status


def _wait(process: subprocess.Popen[bytes], cut: threading.Event) -> int:
    while not cut.is_set():
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_EVERY_S)
    try:
        return process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _end_children(*, by_force: bool) -> None:
    """End what the command started and left behind in this session."""
    if sys.platform == "win32":
        return
    if by_force:
        os.killpg(os.getpid(), signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Leave without waiting for the thread that still reads the pipe.
    os._exit(main(sys.argv[1:]))
