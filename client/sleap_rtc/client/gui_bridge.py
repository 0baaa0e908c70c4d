"""Adapter: passes an engine's progress on to the monitor of a SLEAP that runs on this machine, and its
commands back, over ZMQ as the existing tool does.

    publish port      rtc_reset_monitor, rtc_update_monitor, rtc_close_monitor     to the monitor, which binds
    controller port   such as {"command": "stop"}                                  from it

The monitor reads jsonpickle, which plain JSON objects are.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

DEFAULT_CONTROLLER_PORT = 9000
DEFAULT_PUBLISH_PORT = 9001
_LOOPBACK = "tcp://127.0.0.1"
_LINGER_MS = 2000
"""So that the last message gets out if the monitor is there."""


class GuiBridge:
    """Between the monitor and one job, while the context is open.

    Args:
        controller_port: at which the monitor gives its commands.
        publish_port: at which it listens.
    """

    def __init__(self, controller_port: int, publish_port: int) -> None:
        try:
            import zmq.asyncio
        except ModuleNotFoundError as error:
            raise InputError(
                message="--controller-port and --publish-port need pyzmq, which is not installed. "
                "Install it with: pip install 'sleap-rtc[gui]'"
            ) from error
        self._context = zmq.asyncio.Context()
        self._monitor = self._context.socket(zmq.PUB)
        self._commands = self._context.socket(zmq.SUB)
        self._commands.setsockopt(zmq.SUBSCRIBE, b"")
        self._ports = (publish_port, controller_port)
        self._listening: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Future[Any]] = set()
        self.on_command: Callable[[str], None] = lambda _: None

    async def __aenter__(self) -> Self:
        """Connect; the monitor may come and go."""
        for socket, port in zip((self._monitor, self._commands), self._ports, strict=True):
            socket.connect(f"{_LOOPBACK}:{port}")
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the monitor close its window, and disconnect."""
        self._tell("rtc_close_monitor")
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._commands.close(0)
        self._monitor.close(_LINGER_MS)
        await asyncio.to_thread(self._context.term)

    def job_started(self, job: str) -> None:
        """Have the monitor begin anew."""
        self._tell(
            "rtc_reset_monitor",
            what=job,
            plateau_patience=None,
            plateau_min_delta=None,
            window_title=f"Training Model - {job}",
            message="Preparing to run training...",
        )

    def report(self, told: str) -> None:
        """Pass on what the engine said."""
        self._tell("rtc_update_monitor", rtc_msg=told)

    def _tell(self, event: str, **content: str | None) -> None:
        sending = asyncio.ensure_future(self._monitor.send_string(json.dumps({"event": event, **content})))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _listen(self) -> None:
        while True:
            self.on_command((await self._commands.recv()).decode("utf-8", "replace"))
