"""Orchestration: where the peers of all rooms meet, and the only place that knows who is connected where.

`Switchboard` is the port. `LocalSwitchboard` keeps everybody in the memory of one instance, so peers that are
to find each other have to be connected to the same one. One that is shared among instances would give every
room a home on one of them, and pass `join`, `hear` and `leave` on to it.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events.service_facts import PeersConnected, SignalPassed
from sleap_rtc.service.signaling.peer_room import Arrival, HangUp, PeerRoom, Say
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sleap_rtc.service.signaling.line import Line
    from sleap_rtc.service.signaling.peer_room import Outgoing, Talk

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a peer is."""

    room_id: str
    peer_id: str


@dataclass(frozen=True)
class Census:
    """How many there are."""

    rooms: int
    peers_by_role: dict[str, int]
    joined: int
    relayed: int


class Switchboard(Protocol):
    """Where peers meet. Nothing here waits for a peer."""

    async def join(self, room_id: str, arrival: Arrival, line: Line) -> bool:
        """Let somebody into a room; return whether there was a place for him. He is told either way."""
        ...

    async def hear(self, room_id: str, connection: str, said: Talk) -> None:
        """Handle what somebody in a room said."""
        ...

    async def leave(self, room_id: str, connection: str) -> None:
        """Forget a connection; one that is not known is no mistake."""
        ...

    async def find(self, peer_id: str) -> Sequence[Place]:
        """Return where peers of this id are, in any room."""
        ...

    async def send_away(self, room_id: str, peer_ids: Iterable[str] | None, code: int, reason: str) -> int:
        """Hang up on peers of a room, all of them without ids; return how many are left there."""
        ...

    async def census(self) -> Census:
        """Return how many there are."""
        ...


class LocalSwitchboard:
    """Everybody is connected to this instance."""

    def __init__(self) -> None:
        self._rooms: dict[str, PeerRoom] = {}
        self._lines: dict[str, Line] = {}
        self._joined = 0
        self._relayed = 0

    async def join(self, room_id: str, arrival: Arrival, line: Line) -> bool:
        """Let somebody into a room; return whether there was a place for him. He is told either way."""
        room = self._rooms.setdefault(room_id, PeerRoom(room_id))
        self._lines[arrival.connection] = line
        self._carry_out(room, room.join(arrival))
        peer = room.peers.get(arrival.register.peer_id)
        is_in = peer is not None and peer.connection == arrival.connection
        self._joined += is_in
        self._tidy(room_id)
        self._tell_connected()
        return is_in

    async def hear(self, room_id: str, connection: str, said: Talk) -> None:
        """Handle what somebody in a room said."""
        room = self._rooms.get(room_id) or PeerRoom(room_id)
        outgoing = room.hear(connection, said)
        self._relayed += sum(isinstance(one, Say) and one.connection != connection for one in outgoing)
        undelivered = self._carry_out(room, outgoing)
        for one in outgoing:
            if isinstance(one, Say) and one.connection != connection:
                tell(SignalPassed("undeliverable" if one in undelivered else "passed_on"))

    async def leave(self, room_id: str, connection: str) -> None:
        """Forget a connection; one that is not known is no mistake."""
        self._lines.pop(connection, None)
        if room_id in self._rooms:
            self._rooms[room_id].leave(connection)
            self._tidy(room_id)
        self._tell_connected()

    async def find(self, peer_id: str) -> Sequence[Place]:
        """Return where peers of this id are, in any room."""
        return [Place(room_id, peer_id) for room_id, room in self._rooms.items() if peer_id in room.peers]

    async def send_away(self, room_id: str, peer_ids: Iterable[str] | None, code: int, reason: str) -> int:
        """Hang up on peers of a room, all of them without ids; return how many are left there."""
        room = self._rooms.get(room_id)
        if room is None:
            return 0
        wanted = list(room.peers) if peer_ids is None else list(peer_ids)
        gone = [room.peers[peer_id] for peer_id in wanted if peer_id in room.peers]
        self._carry_out(room, [HangUp(peer.connection, code, reason) for peer in gone])
        self._tidy(room_id)
        return len(room.peers)

    async def census(self) -> Census:
        """Return how many there are."""
        roles = Counter(peer.info.role for room in self._rooms.values() for peer in room.peers.values())
        return Census(len(self._rooms), dict(roles), self._joined, self._relayed)

    def _tell_connected(self) -> None:
        tell(PeersConnected(sum(len(room.peers) for room in self._rooms.values())))

    def _carry_out(self, room: PeerRoom, outgoing: Iterable[Outgoing]) -> list[Outgoing]:
        """Say and do it; return what could not be said."""
        unsaid: list[Outgoing] = []
        for one in outgoing:
            line = self._lines.get(one.connection)
            if isinstance(one, HangUp):
                room.leave(one.connection)
                if line is not None:
                    line.end(one.code, one.reason)
            elif line is None or not line.send(one.text):
                # It is closing, or reads too slowly: whoever is there can do without.
                room.leave(one.connection)
                unsaid.append(one)
                if one.otherwise is not None:
                    self._carry_out(room, [one.otherwise])
        return unsaid

    def _tidy(self, room_id: str) -> None:
        if not self._rooms[room_id].peers:
            del self._rooms[room_id]
