"""Adapter: runs an engine that says lines and nothing else, tethered to the worker."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

from sleap_rtc.worker.tether import GRACE_S, kill_session, tethered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_LOOK_EVERY_S = 0.1


def run_engine(
    arguments: Sequence[str],
    folder: Path,
    on_line: Callable[[str], None],
    stop: threading.Event,
    on_start: Callable[[subprocess.Popen[str]], None] = lambda _: None,
) -> int:
    """Run a program in a folder to its end, or until `stop` is set; return its exit status.

    Args:
        arguments: of the program, itself the first.
        folder: where it runs.
        on_line: called for each line of output, in a thread of its own.
        stop: ends it at once.
        on_start: given the process, to be held and let go (`tether.hold_session`).
    """
    process = subprocess.Popen(
        tethered(arguments),
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )

    def read() -> None:
        for line in process.stdout or ():
            if text := line.rstrip():
                on_line(text)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        on_start(process)
        while process.poll() is None and not stop.wait(_LOOK_EVERY_S):
            pass
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(GRACE_S + 5)
        except subprocess.TimeoutExpired:
            kill_session(process)
        reader.join(timeout=GRACE_S)
    return process.returncode
