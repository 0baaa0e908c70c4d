"""The machine of one room, without sockets: whatever is said, nobody outside of it hears anything."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sleap_rtc.live.signaling_messages import Register, read_said
from sleap_rtc.service.signaling.peer_room import (
    MOST_METADATA_CHARACTERS,
    MOST_PEERS,
    Arrival,
    HangUp,
    PeerRoom,
    Say,
)

IDS = [f"peer-{number}" for number in range(4)]
CONNECTIONS = [f"connection-{number}" for number in range(6)]
# The default `max_size` of websockets' client.
CLIENTS_LIMIT_BYTES = 2**20
STATUSES = st.sampled_from(["available", "reserved", "busy", "maintenance", 7, None])
ids = st.sampled_from([*IDS, "nobody"])
connections = st.sampled_from(CONNECTIONS)


def arrival(connection: str, peer_id: str, role: str = "worker", **properties: Any) -> Arrival:
    content = {"peer_id": peer_id, "room_id": "r", "id_token": "i", "role": role}
    register = Register.model_validate({**content, "metadata": {"tags": ["t"], "properties": properties}})
    return Arrival(connection, register, at_s=1.0)


class Rooms(RuleBasedStateMachine):
    """Peers come, talk and go in any order; a plain dictionary says who is there."""

    def __init__(self) -> None:
        super().__init__()
        self.room = PeerRoom("r")
        self.there: dict[str, str] = {}

    def say(self, connection: str, kind: str, **content: Any) -> list[dict[str, Any]]:
        """Say something; return what others hear, after looking at who hears it."""
        outgoing = self.room.hear(connection, read_said(json.dumps({"type": kind, **content})))  # type: ignore[arg-type]
        others = []
        for one in outgoing:
            assert isinstance(one, Say)
            if one.connection == connection:
                continue
            assert connection in self.there.values(), "somebody who is not there was heard"
            assert one.connection in self.there.values(), "somebody who is not there was spoken to"
            others.append(json.loads(one.text))
        return others

    def sender(self, connection: str) -> str | None:
        """Return who is at a connection."""
        return next((peer_id for peer_id, at in self.there.items() if at == connection), None)

    @rule(connection=connections, peer_id=st.sampled_from(IDS), status=STATUSES)
    def join(self, connection: str, peer_id: str, status: Any) -> None:
        outgoing = self.room.join(arrival(connection, peer_id, status=status))
        replaced = self.there.get(peer_id)
        hung_up = [one.connection for one in outgoing if isinstance(one, HangUp)]
        assert hung_up == ([replaced] if replaced not in (None, connection) else [])
        self.there = {at: by for at, by in self.there.items() if by != connection} | {peer_id: connection}

    @rule(connection=connections)
    def leave(self, connection: str) -> None:
        self.room.leave(connection)
        self.there = {peer_id: at for peer_id, at in self.there.items() if at != connection}

    @rule(connection=connections, claimed=ids, to=ids, kind=st.sampled_from(["offer", "answer"]))
    def signal(self, connection: str, claimed: str, to: str, kind: str) -> None:
        heard = self.say(connection, kind, sender=claimed, target=to, sdp="v=0")
        assert not heard or (claimed == self.sender(connection) and heard[0]["target"] == to)

    @rule(connection=connections, claimed=ids, to=ids)
    def tell(self, connection: str, claimed: str, to: str) -> None:
        heard = self.say(connection, "peer_message", from_peer_id=claimed, to_peer_id=to, payload={"x": 1})
        forged = claimed != self.sender(connection)
        reachable = to in self.there and to != claimed
        assert len(heard) == (not forged and reachable)

    @rule(connection=connections, to=ids)
    def decline(self, connection: str, to: str) -> None:
        outgoing = self.room.hear(connection, read_said(f'{{"type": "error", "target": "{to}"}}'))  # type: ignore[arg-type]
        if self.sender(connection) is not None:
            assert all(isinstance(one, Say) and one.connection == self.there[to] for one in outgoing)

    @rule(connection=connections, peer_id=ids, status=STATUSES)
    def update(self, connection: str, peer_id: str, status: Any) -> None:
        self.say(connection, "update_metadata", peer_id=peer_id, metadata={"properties": {"status": status}})

    @rule(connection=connections, claimed=ids)
    def discover(self, connection: str, claimed: str) -> None:
        self.say(connection, "discover_peers", from_peer_id=claimed, filters={"tags": ["t"]})

    @invariant()
    def who_is_there_is_there(self) -> None:
        assert {peer_id: peer.connection for peer_id, peer in self.room.peers.items()} == self.there

    @invariant()
    def nobody_lost_his_tags(self) -> None:
        assert all(list(peer.info.metadata.tags) == ["t"] for peer in self.room.peers.values())


TestRooms = Rooms.TestCase


def room_of(*arrivals: Arrival) -> PeerRoom:
    room = PeerRoom("r")
    for one in arrivals:
        room.join(one)
    return room


def offer(room: PeerRoom, sender: str, target: str) -> tuple[str, str]:
    """Make an offer; return who hears what."""
    said = read_said(json.dumps({"type": "offer", "sender": sender, "target": target, "sdp": ""}))
    (heard,) = room.hear(sender, said)  # type: ignore[arg-type]
    assert isinstance(heard, Say)
    return heard.connection, json.loads(heard.text)["type"]


@given(STATUSES, st.sampled_from(["worker", "client", "peer"]))
def test_an_offer_is_heard_by_its_target_or_declined_to_its_sender(status: Any, role: str) -> None:
    room = room_of(arrival("w", "w", role, status=status), arrival("c", "c", "client"))
    is_busy = role == "worker" and status in ("reserved", "busy", "maintenance")
    assert offer(room, "c", "w") == (("c", "error") if is_busy else ("w", "offer"))


def test_the_worker_that_has_been_there_longest_is_named() -> None:
    room = room_of(arrival("c", "c", "client"), arrival("1", "w1"), arrival("2", "w2"))
    (welcome,) = room.join(arrival("3", "w3"))
    assert isinstance(welcome, Say)
    assert json.loads(welcome.text)["admin_peer_id"] == "w1"
    room.leave("1")
    (welcome,) = room.join(arrival("3", "w3"))
    assert isinstance(welcome, Say)
    assert json.loads(welcome.text)["admin_peer_id"] == "w2"


def test_a_room_has_an_end() -> None:
    room = room_of(*(arrival(f"c{number}", f"p{number}") for number in range(MOST_PEERS)))
    assert "Room is full" in str(room.join(arrival("late", "late")))
    assert "late" not in room.peers
    assert "registered_auth" in str(room.join(arrival("again", "p0")))


def test_the_welcome_to_a_full_room_is_not_too_large_for_a_client() -> None:
    long = "x" * (MOST_METADATA_CHARACTERS - 100)
    names = [f"{number}".rjust(256, "p") for number in range(MOST_PEERS)]
    room = room_of(*(arrival(name, name, x=long) for name in names))
    (welcome,) = room.join(arrival(names[0], names[0], x=long))
    assert isinstance(welcome, Say)
    assert 0.8 * CLIENTS_LIMIT_BYTES < len(welcome.text.encode()) < CLIENTS_LIMIT_BYTES


def test_a_peer_says_no_more_about_itself_than_may_be() -> None:
    room = room_of()
    assert "too long" in str(room.join(arrival("c", "p", x="x" * 20_000)))
    assert room.peers == {}
