"""Adapter: the engine's connection to one peer, which learns its addresses from our servers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiortc import RTCPeerConnection

    from sleap_rtc.live.ice_server import IceServer


def peer_connection(ice_servers: Sequence[IceServer]) -> RTCPeerConnection:
    """Return a connection that nobody has offered or answered yet.

    Args:
        ice_servers: where to learn the own address and to be relayed; none of the engine's own.
    """
    from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

    servers = [
        RTCIceServer(
            urls=[server.urls] if isinstance(server.urls, str) else list(server.urls),
            username=server.username,
            credential=server.credential,
        )
        for server in ice_servers
    ]
    return RTCPeerConnection(RTCConfiguration(iceServers=servers))
