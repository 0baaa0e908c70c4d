"""Adapter: uvicorn, which leaves as `drain` says, and with exit code 0."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from sleap_rtc.service.drain import Drain

log = logging.getLogger(__name__)

_CLOSE = (b"connection", b"close")
_CUT = 1


class DrainingServer(uvicorn.Server):
    """Serves until SIGTERM, or Ctrl-C, which gives no notice: nobody looks for its place then.

    Args:
        config: what is served, and where.
        drain: is told of the signal, and tells what is to be done.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave; Ctrl-C once more leaves everything as it is."""
        del frame
        if sig == signal.SIGINT and self._drain.asked:
            self.should_exit = self.force_exit = True
        self._drain.ask(time.monotonic(), at_once=sig == signal.SIGINT)

    async def on_tick(self, counter: int) -> bool:
        """Look every tenth of a second how far it is; return whether to accept nobody any more."""
        over = await super().on_tick(counter)
        if self._drain.asked:
            self._leave()
        return over or self.should_exit

    def _leave(self) -> None:
        now = time.monotonic()
        if not self._drain.leaving.is_set():
            left_s = self._drain.left_s(now)
            log.info("asked to stop: this instance is gone in %.0f s at most", left_s)
            overdue = threading.Timer(left_s, _cut)
            overdue.daemon = True
            overdue.start()
        self._drain.look(now)
        self.should_exit = self.should_exit or self._drain.closing.is_set()
        if _CLOSE not in self.server_state.default_headers:
            # Whoever keeps a connection open looks for another instance with his next request.
            self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody, answer what was asked, then let the app end."""
        self.config.timeout_graceful_shutdown = math.ceil(self._drain.requests_s(time.monotonic()))
        await super().shutdown(sockets)


def _cut() -> None:
    log.error("not done within drain_s; what is still under way is cut and comes back at another instance")
    os._exit(_CUT)
