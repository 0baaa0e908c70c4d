"""Adapter: the ports of the signaling server, the service's own and those at which the existing tool looks.

The ports are opened before the service starts, so that one that is taken is a sentence and not a traceback.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import uvicorn

from sleap_rtc.live.signaling_messages import LARGEST_MESSAGE_BYTES
from sleap_rtc.service.signaling.routes import http_app, socket_app
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from sleap_rtc.service.signaling.server import Signaling
    from sleap_rtc.settings import Settings

SOCKET_TERMS: dict[str, Any] = {
    # A message that is too large is answered, one that is far too large is not even read.
    "ws_max_size": 4 * LARGEST_MESSAGE_BYTES,
    # A peer whose machine lost power is gone after at most 40 s.
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    # What unpacks to a thousand times its size is no way to save a few bytes.
    "ws_per_message_deflate": False,
    "log_config": None,
    "access_log": False,
    "timeout_graceful_shutdown": 5,
}
"""What uvicorn is told wherever the WebSocket is served."""


class PortTaken(InputError):
    """The port {port} of the setting {setting} cannot be opened: {why}. Choose another one, or 0 for none."""

    setting: str
    port: int
    why: str


@dataclass(frozen=True)
class Ports:
    """What is open besides the service's own port; None where nothing is."""

    websocket: socket.socket | None = None
    http: socket.socket | None = None

    @classmethod
    def open(cls, settings: Settings, host: str) -> Ports:
        """Open the ports of the settings. Raises PortTaken."""
        return cls(_open("signaling_ws_port", settings, host), _open("signaling_http_port", settings, host))


@asynccontextmanager
async def listening(
    ports: Ports,
    signaling: Signaling,
    terms: Mapping[str, Any] = MappingProxyType(SOCKET_TERMS),
    closing: asyncio.Event | None = None,
) -> AsyncIterator[None]:
    """Serve the ports; in the end the sockets are closed with 1012, and the peers come again.

    Args:
        ports: what is open.
        signaling: what answers there.
        terms: what uvicorn is told.
        closing: when it is set, the end comes before that of the block.
    """
    apps = ((ports.websocket, socket_app), (ports.http, http_app))
    servers = [
        (_Server(uvicorn.Config(make(signaling), lifespan="off", **terms)), opened)
        for opened, make in apps
        if opened is not None
    ]
    running = [asyncio.create_task(server.serve([opened])) for server, opened in servers]

    async def hang_up_early(closing: asyncio.Event) -> None:
        await closing.wait()
        _stop(server for server, _ in servers)

    early = asyncio.create_task(hang_up_early(closing or asyncio.Event()))
    try:
        yield
    finally:
        early.cancel()
        _stop(server for server, _ in servers)
        await asyncio.gather(*running)


def _stop(servers: Iterable[uvicorn.Server]) -> None:
    for server in servers:
        server.should_exit = True


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the server of the service."""
        yield


def _open(setting: str, settings: Settings, host: str) -> socket.socket | None:
    port: int = getattr(settings, setting)
    if not port:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortTaken(setting=setting, port=port, why=error.strerror or str(error)) from error
