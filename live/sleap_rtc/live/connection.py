"""Adapter: the engine's connection to one peer, which learns its addresses from our servers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.live.no_path import RELAY, Attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiortc import RTCPeerConnection

    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.relays import Relays


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


def is_relayed(connection: RTCPeerConnection) -> bool | None:
    """Tell whether the packets go through a relay, as far as this side can see; None before any do."""
    sctp = connection.sctp
    if sctp is None:
        return None
    # What pair was chosen is told by no public name of aiortc or aioice.
    pairs = sctp.transport.transport._connection._nominated.values()
    kinds = {kind for pair in pairs for kind in (pair.local_candidate.type, pair.remote_candidate.type)}
    return RELAY in kinds if kinds else None


def attempt_of(connection: RTCPeerConnection, relays: Relays) -> Attempt:
    """Return what is known of a connection that does not come about."""
    sctp = connection.sctp
    ice = sctp.transport.transport if sctp is not None else None
    return Attempt(
        ours={each.type for each in ice.iceGatherer.getLocalCandidates()} if ice is not None else (),
        theirs={each.type for each in ice.getRemoteCandidates()} if ice is not None else (),
        turn_known=relays.known,
        troubles=relays.troubles,
        path_found=is_relayed(connection) is not None,
    )
