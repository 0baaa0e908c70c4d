"""Adapter: names for files that belong to a running process, and who may clear them away.

    gpu7-4026531836.4711.01KAS3FZ3Q8Y5T0V9J6W2M4N7P
    machine and pid namespace . pid . ULID: when it was made, and what makes it unique

Whether a process lives is only known on its own machine; elsewhere, and where a pid was given to another
process since, a tag is believed for a week, which is longer than any transfer takes.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ulid import ULID

if TYPE_CHECKING:
    from collections.abc import Iterator

PATTERN = r"[A-Za-z0-9-]+\.[0-9]+\.[0-9A-Z]{26}"
"""A regular expression for a tag as it is made here."""

_BELIEVED_S = 7 * 24 * 3600
_OURS: set[str] = set()


@contextmanager
def process_tag() -> Iterator[str]:
    """Yield a new tag, in force until the context closes or the process ends."""
    tag = f"{_place()}.{os.getpid()}.{ULID()}"
    _OURS.add(tag)
    try:
        yield tag
    finally:
        _OURS.discard(tag)


def in_force(tag: str) -> bool:
    """Whether whoever made the tag may still need what it names."""
    place, pid, ulid = ("", "", *tag.rsplit(".", 2))[-3:]
    try:
        age_s = time.time() - ULID.from_str(ulid).timestamp
        number = int(pid)
    except ValueError:
        return False
    if age_s > _BELIEVED_S:
        return False
    if place != _place():
        return True
    # In a container every run may have the same pid.
    return tag in _OURS if number == os.getpid() else _lives(number)


def _place() -> str:
    """Where a pid means something: a machine, and on Linux a pid namespace in it."""
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())
    namespace = ""
    with suppress(OSError):
        namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - not a path
    return f"{host}-{namespace}"


def _lives(pid: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        synchronize, still_running = 0x0010_0000, 0x102  # SYNCHRONIZE, WAIT_TIMEOUT
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(synchronize, False, pid)
        try:
            return bool(handle) and kernel.WaitForSingleObject(handle, 0) == still_running
        finally:
            kernel.CloseHandle(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, as somebody else's
        return True
    return True
