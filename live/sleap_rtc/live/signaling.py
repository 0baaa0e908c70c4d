"""Pure: what two peers have to tell each other before they are connected, and the port that carries it.

A session has an id, which the offer makes and the answer repeats: an answer that comes late is not taken for
one to a later offer. All candidates are in the descriptions, so there is nothing else to send. Over the
signaling server they are `peer_message`s with these payloads:

    {"v":1,"app_message_type":"session_offered","session_id":"…","sdp":"…"}
    {"v":1,"app_message_type":"session_answered","session_id":"…","sdp":"…"}
    {"v":1,"app_message_type":"session_declined","session_id":"…","why":"…"}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.live.signaling_messages import PeerMessage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class SessionOffered:
    """A peer asks for a session."""

    session_id: str
    sdp: str


@dataclass(frozen=True)
class SessionAnswered:
    """A peer takes a session that it was offered."""

    session_id: str
    sdp: str


@dataclass(frozen=True)
class SessionDeclined:
    """A peer does not take a session that it was offered."""

    session_id: str
    why: str


Signal = SessionOffered | SessionAnswered | SessionDeclined

VERSION = 1
_LONGEST_WHY = 300
_TYPES: dict[type[Signal], str] = {
    SessionOffered: "session_offered",
    SessionAnswered: "session_answered",
    SessionDeclined: "session_declined",
}


@dataclass(frozen=True)
class Received:
    """A signal, and from which peer of our room it came."""

    from_peer: str
    signal: Signal


class Signaling(Protocol):
    """Carries signals between the peers of one room, and of no other."""

    @property
    def peer_id(self) -> str:
        """Who we are."""

    async def send(self, to_peer: str, signal: Signal) -> None:
        """Send a signal; to whoever is not in the room it is lost. Raises Unreachable."""

    def receive(self) -> AsyncIterator[Received]:
        """Yield what comes until the signaling is closed."""


def on_the_wire(sender: str, target: str, signal: Signal) -> PeerMessage:
    """Return a signal as the server takes it."""
    told = {"v": VERSION, "app_message_type": _TYPES[type(signal)], **asdict(signal)}
    return PeerMessage(from_peer_id=sender, to_peer_id=target, payload=told)


def off_the_wire(message: PeerMessage) -> Received | None:
    """Return the signal in a message; None if there is none of ours in it."""
    match message.payload:
        case {"v": 1, "app_message_type": "session_offered", "session_id": str(session_id), "sdp": str(sdp)}:
            signal: Signal = SessionOffered(session_id, sdp)
        case {"v": 1, "app_message_type": "session_answered", "session_id": str(session_id), "sdp": str(sdp)}:
            signal = SessionAnswered(session_id, sdp)
        case {"v": 1, "app_message_type": "session_declined", "session_id": str(session_id), "why": str(why)}:
            signal = SessionDeclined(session_id, why[:_LONGEST_WHY])
        case _:
            return None
    return Received(message.from_peer_id, signal)
