"""Adapter: the embedded engine: MiniStack, which speaks S3, SQS and SNS in one process, objects durable."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING

import urllib3

from sleap_rtc.local.child import Child
from sleap_rtc.storage.errors import SleapRtcError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPBACK = "127.0.0.1"
_READY_WITHIN_S = 40.0


class StackFailed(SleapRtcError):
    """The {part} of the local stack did not start: {why}"""

    part: str
    why: str


def start_engine(folder: Path, log: Path) -> tuple[Child, str]:
    """Start the engine on a free loopback port; return its process and its address.

    Args:
        folder: where objects, queues and messages lie; used again, they are there again.
        log: where its output goes.

    Raises:
        StackFailed: it did not start.
    """
    port = free_port()
    environment = {
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    engine = Child("engine", [sys.executable, "-m", "ministack"], environment, log)
    url = f"http://{LOOPBACK}:{port}"
    try:
        await_ready(engine, lambda: answers(f"{url}/_ministack/health"))
    except StackFailed:
        engine.stop()
        raise
    return engine, url


def await_ready(child: Child, ready: Callable[[], bool]) -> None:
    """Wait until a process does its work.

    Raises:
        StackFailed: it ended, or took too long.
    """
    deadline = time.monotonic() + _READY_WITHIN_S
    while not ready():
        if not child.running or time.monotonic() > deadline:
            raise StackFailed(part=child.name, why=child.last_words())
        time.sleep(0.05)


def free_port() -> int:
    """Return a loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Tell whether an address answers with success."""
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status < 300  # noqa: PLR2004
    except urllib3.exceptions.HTTPError:
        return False
