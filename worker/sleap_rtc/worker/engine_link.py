"""Adapter: the worker's end of the two ZeroMQ channels to a training engine.

The worker binds, the engine connects, on ports that are free at that moment, so several jobs fit on one
machine. Either side may miss what is said before the connection stands: nothing here is said only once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import zmq

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LOOPBACK = "tcp://127.0.0.1"


class EngineLink:
    """Hears what an engine publishes, and publishes commands to it. Not for several threads at once.

    Args:
        on_message: given every message as it came.
    """

    def __init__(self, on_message: Callable[[str], None] = lambda _: None) -> None:
        self._on_message = on_message
        self._context = zmq.Context()
        self._progress = self._context.socket(zmq.SUB)
        self._control = self._context.socket(zmq.PUB)
        self._progress.subscribe(b"")
        # An answer must not be lost behind a thousand batches that nobody had time to read.
        self._progress.set_hwm(0)
        self.publish_port = self._progress.bind_to_random_port(_LOOPBACK)
        self.controller_port = self._control.bind_to_random_port(_LOOPBACK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)

    def hear(self, wait_ms: int) -> dict[str, Any] | None:
        """Return the next message; None if none came in that time, or one that cannot be read."""
        if not self._progress.poll(wait_ms):
            return None
        raw = self._progress.recv()
        self._on_message(raw.decode("utf-8", "replace"))
        try:
            message = json.loads(raw)
        except ValueError:
            return None
        return message if isinstance(message, dict) else None

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a command; it is lost if the engine does not listen yet."""
        self._control.send_string(json.dumps(message))
