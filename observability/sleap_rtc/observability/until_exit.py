"""Adapter: what is done when the process ends, be it by SIGTERM, and how a command says what went wrong."""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def at_exit(close: Callable[[], object]) -> None:
    """Call this at the end of the process; what was asked for last is called first."""
    atexit.register(close)
    if threading.current_thread() is threading.main_thread() and _dies_by(signal.SIGTERM):
        signal.signal(signal.SIGTERM, _leave)


def say(text: str) -> None:
    """Say it as the command line says what went wrong."""
    sys.stderr.write(f"sleap-rtc: {text}\n")


def _dies_by(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_DFL


def _leave(number: int, _: Any) -> None:
    """End as the shell says that a signal ends a process, with what has to be done before."""
    sys.exit(128 + number)
