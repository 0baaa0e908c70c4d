"""Pure: one room of peers as a machine: what a peer said in, what is to be sent and to whom out.

A peer is known by its connection. Nobody speaks for another, nobody reaches beyond the room, and a message is
relayed as it came.

An offer to a worker that says that it is busy is declined here, unless it comes from the peer that the worker
is busy with: the one whose offer it answered, or the one that it names in its property `reserved_for`. A
worker that declines by itself says `error` with a `target`; that is relayed to whoever made it an offer. An
`error` is never answered, since the existing worker ends at the first one that it hears.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.live.peer_filters import matches
from sleap_rtc.live.signaling_messages import (
    BUSY_STATUSES,
    WORKER_BUSY,
    Answer,
    Candidate,
    CloseCode,
    DiscoverPeers,
    ErrorCode,
    Metadata,
    MetadataUpdated,
    Offer,
    PeerInfo,
    PeerList,
    PeerMessage,
    RegisteredAuth,
    SignalError,
    UpdateMetadata,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.signaling_messages import Register

# Together less than the MiB at which a client of the library that the existing tool uses hangs up.
MOST_PEERS = 100
MOST_METADATA_CHARACTERS = 8192
Talk = DiscoverPeers | UpdateMetadata | PeerMessage | Offer | Answer | Candidate | SignalError
"""What is said by somebody who is in the room."""


@dataclass(frozen=True)
class Say:
    """Send a text; if it does not arrive, tell somebody else."""

    connection: str
    text: str
    otherwise: Say | None = None


@dataclass(frozen=True)
class HangUp:
    """Close a connection."""

    connection: str
    code: int
    reason: str


Outgoing = Say | HangUp


@dataclass(frozen=True)
class Arrival:
    """Somebody who was let in.

    Attributes:
        at_s: now, in seconds since 1970.
        ice_servers: with his own credentials, where there are any.
        mesh_ice_servers: those without.
    """

    connection: str
    register: Register
    at_s: float
    ice_servers: Sequence[IceServer] = ()
    mesh_ice_servers: Sequence[IceServer] = ()


@dataclass(frozen=True)
class Peer:
    """Somebody who is in the room."""

    connection: str
    info: PeerInfo

    @property
    def peer_id(self) -> str:
        """How others call him."""
        return self.info.peer_id


class PeerRoom:
    """The peers of one room.

    Attributes:
        peers: who is there, by peer id, in the order of arrival.
    """

    def __init__(self, room_id: str) -> None:
        self._room_id = room_id
        self.peers: dict[str, Peer] = {}
        self._ids: dict[str, str] = {}
        # Whose offer reached whom, and whether that was answered.
        self._offers: dict[tuple[str, str], bool] = {}

    def join(self, arrival: Arrival) -> list[Outgoing]:
        """Let a peer in, or in again; a newer connection of the same peer takes the place of the older."""
        register = arrival.register
        before = self.peers.get(register.peer_id)
        if before is None and len(self.peers) >= MOST_PEERS:
            return [Say(arrival.connection, SignalError(reason="Room is full").text())]
        if _is_too_long(register.metadata):
            return [Say(arrival.connection, SignalError(reason="The metadata is too long").text())]
        outgoing: list[Outgoing] = []
        if before is not None and before.connection != arrival.connection:
            outgoing.append(HangUp(before.connection, CloseCode.REPLACED, "registered on a newer connection"))
        if before is not None:
            self._remove(before)
        self.leave(arrival.connection)
        info = PeerInfo(
            peer_id=register.peer_id,
            role=register.role,
            metadata=register.metadata,
            connected_at=arrival.at_s,
        )
        self.peers[register.peer_id] = Peer(arrival.connection, info)
        self._ids[arrival.connection] = register.peer_id
        return [*outgoing, Say(arrival.connection, self._welcome(arrival).text())]

    def leave(self, connection: str) -> None:
        """Forget whoever was there by this connection."""
        peer = self._by(connection)
        if peer is not None:
            self._remove(peer)

    def hear(self, connection: str, said: Talk) -> list[Outgoing]:
        """Handle what somebody said."""
        peer = self._by(connection)
        if peer is None:
            return [_error(connection, ErrorCode.NOT_IN_ROOM, "Peer not registered in any room")]
        if _speaker(said) not in (None, peer.peer_id):
            why = "The sender is not the peer that registered"
            return [_error(connection, ErrorCode.INVALID_MESSAGE, why)]
        match said:
            case DiscoverPeers():
                outgoing = self._discover(peer, said)
            case UpdateMetadata():
                outgoing = self._update(peer, said)
            case PeerMessage():
                outgoing = self._relay_message(peer, said)
            case Offer():
                outgoing = self._offer(peer, said)
            case Answer() | Candidate():
                outgoing = self._signal(peer, said)
            case SignalError():
                outgoing = self._decline(peer, said)
        return outgoing

    def _welcome(self, arrival: Arrival) -> RegisteredAuth:
        register = arrival.register
        others = {peer_id: peer for peer_id, peer in self.peers.items() if peer_id != register.peer_id}
        workers = [peer_id for peer_id, peer in self.peers.items() if peer.info.role == "worker"]
        return RegisteredAuth(
            room_id=self._room_id,
            token=register.token,
            peer_id=register.peer_id,
            admin_peer_id=next(iter(workers), None),
            peer_list=list(others),
            peer_metadata={peer_id: peer.info.metadata for peer_id, peer in others.items()},
            ice_servers=arrival.ice_servers,
            mesh_ice_servers=arrival.mesh_ice_servers,
        )

    def _discover(self, peer: Peer, said: DiscoverPeers) -> list[Outgoing]:
        others = [other.info for other in self.peers.values() if other is not peer]
        found = [info for info in others if matches(info, said.filters)]
        listed = PeerList(to_peer_id=peer.peer_id, peers=found, count=len(found))
        return [Say(peer.connection, listed.text())]

    def _update(self, peer: Peer, said: UpdateMetadata) -> list[Outgoing]:
        metadata = peer.info.metadata.updated(said.metadata)
        if _is_too_long(metadata):
            return [_error(peer.connection, ErrorCode.INVALID_MESSAGE, "metadata: it is too long")]
        info = peer.info.model_copy(update={"metadata": metadata})
        self.peers[peer.peer_id] = Peer(peer.connection, info)
        if _busy_status(info) is None:
            self._end_sessions(of=peer.peer_id)
        return [Say(peer.connection, MetadataUpdated(peer_id=peer.peer_id, metadata=metadata).text())]

    def _relay_message(self, peer: Peer, said: PeerMessage) -> list[Outgoing]:
        target = self.peers.get(said.to_peer_id)
        if target is None:
            return [_not_here(peer.connection, said.to_peer_id)]
        why = f"Failed to deliver message to {said.to_peer_id}"
        lost = _error(peer.connection, ErrorCode.DELIVERY_FAILED, why)
        return [Say(target.connection, said.text(), otherwise=lost)]

    def _offer(self, peer: Peer, said: Offer) -> list[Outgoing]:
        target = self.peers.get(said.target)
        if target is None:
            return [_not_here(peer.connection, said.target)]
        status = _busy_status(target.info)
        if status is not None and not self._is_busy_with(target, peer):
            declined = SignalError(
                target=peer.peer_id,
                reason=WORKER_BUSY,
                message=f"Worker is currently {status}. Choose another one, or try again later.",
                current_status=status,
            )
            return [Say(peer.connection, declined.text())]
        self._offers.setdefault((peer.peer_id, target.peer_id), False)
        return [Say(target.connection, said.text())]

    def _is_busy_with(self, worker: Peer, peer: Peer) -> bool:
        reserved_for = worker.info.metadata.properties.get("reserved_for")
        return self._offers.get((peer.peer_id, worker.peer_id), False) or reserved_for == peer.peer_id

    def _signal(self, peer: Peer, said: Answer | Candidate) -> list[Outgoing]:
        target = self.peers.get(said.target)
        if target is None:
            # As the existing server: its worker would end at an error about a client that has just left.
            return []
        offer = (target.peer_id, peer.peer_id)
        if isinstance(said, Answer) and offer in self._offers:
            self._offers[offer] = True
        return [Say(target.connection, said.text())]

    def _decline(self, peer: Peer, said: SignalError) -> list[Outgoing]:
        target = self.peers.get(said.target or "")
        if target is None or self._offers.pop((target.peer_id, peer.peer_id), None) is None:
            return []
        return [Say(target.connection, said.text())]

    def _by(self, connection: str) -> Peer | None:
        peer_id = self._ids.get(connection)
        return None if peer_id is None else self.peers[peer_id]

    def _remove(self, peer: Peer) -> None:
        del self.peers[peer.peer_id]
        del self._ids[peer.connection]
        # A client whose socket was cut comes back to the worker that is busy with it.
        self._offers = {
            (caller, callee): answered
            for (caller, callee), answered in self._offers.items()
            if callee != peer.peer_id and (answered or caller != peer.peer_id)
        }

    def _end_sessions(self, of: str) -> None:
        # An offer that is not answered yet may still be declined.
        self._offers = {
            (caller, callee): answered
            for (caller, callee), answered in self._offers.items()
            if callee != of or not answered
        }


def _speaker(said: Talk) -> str | None:
    match said:
        case DiscoverPeers() | PeerMessage():
            return said.from_peer_id
        case UpdateMetadata():
            return said.peer_id
        case Offer() | Answer() | Candidate():
            return said.sender
        case SignalError():
            return None


def _busy_status(info: PeerInfo) -> str | None:
    status = info.metadata.properties.get("status")
    return status if info.role == "worker" and isinstance(status, str) and status in BUSY_STATUSES else None


def _is_too_long(metadata: Metadata) -> bool:
    return len(json.dumps(metadata.as_said())) > MOST_METADATA_CHARACTERS


def _error(connection: str, code: ErrorCode, message: str) -> Say:
    return Say(connection, SignalError(code=code, message=message).text())


def _not_here(connection: str, peer_id: str) -> Say:
    why = f"Target peer {peer_id} not in same room"
    return _error(connection, ErrorCode.PEER_NOT_IN_ROOM, why)
