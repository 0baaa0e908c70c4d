"""Pure: what two peers have to tell each other before they are connected, and the port that carries it.

A session has an id, which the offer makes and the answer repeats: an answer that comes late is not taken for
one to a later offer. All candidates are in the descriptions, so there is nothing else to send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
