"""Pure: what two peers of the existing tool's kind tell each other before they are connected, and the port.

    offer            LegacyOffered     a client asks a worker for a connection
    answer           LegacyAnswered    the worker takes it
    error            LegacyDeclined    the worker, or the server in its stead, does not; or nobody is there
    peer_message     AppMessage        anything else, such as a `job_request`

An error does not say whose it is: it comes from nobody. Our own sessions are arranged otherwise
(`signaling`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sleap_rtc.live.signaling_messages import WORKER_BUSY, Answer, Offer, PeerMessage, SignalError

if TYPE_CHECKING:
    from sleap_rtc.live.signaling_messages import Heard


@dataclass(frozen=True)
class LegacyOffered:
    """A session description that asks for a connection with the one channel."""

    sdp: str


@dataclass(frozen=True)
class LegacyAnswered:
    """The session description that takes an offer."""

    sdp: str


@dataclass(frozen=True)
class LegacyDeclined:
    """An offer is not taken: `why` for people, and the worker's `status` where one is told."""

    why: str
    status: str = ""


@dataclass(frozen=True)
class AppMessage:
    """A message between programs; what it means is told by its `app_message_type`."""

    payload: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Its `app_message_type`; empty if it has none."""
        kind = self.payload.get("app_message_type")
        return kind if isinstance(kind, str) else ""


LegacySignal = LegacyOffered | LegacyAnswered | LegacyDeclined | AppMessage


@dataclass(frozen=True)
class LegacyReceived:
    """A signal, and from which peer of our room it came; empty where that is not told."""

    from_peer: str
    signal: LegacySignal


LegacyListener = Callable[[LegacyReceived], None]


class LegacySignaling(Protocol):
    """Carries signals between the peers of one room, and of no other."""

    @property
    def peer_id(self) -> str:
        """Who we are."""

    async def send_legacy(self, to_peer: str, signal: LegacySignal) -> None:
        """Send a signal. If nobody is there, the server says so sooner or later. Raises Unreachable."""

    def listen_legacy(self, listener: LegacyListener) -> None:
        """Have what comes told to `listener`, which must not block; until then it is let go."""


def on_the_wire(sender: str, target: str, signal: LegacySignal) -> Offer | Answer | SignalError | PeerMessage:
    """Return a signal as the server takes it."""
    match signal:
        case LegacyOffered(sdp):
            return Offer(sender=sender, target=target, sdp=sdp)
        case LegacyAnswered(sdp):
            return Answer(sender=sender, target=target, sdp=sdp)
        case LegacyDeclined(why, status):
            return SignalError(target=target, reason=WORKER_BUSY, message=why, current_status=status)
        case AppMessage(payload):
            return PeerMessage(from_peer_id=sender, to_peer_id=target, payload=dict(payload))


def off_the_wire(heard: Heard | None) -> LegacyReceived | None:
    """Return the signal in what the server said; None if there is none in it."""
    match heard:
        case Offer():
            return LegacyReceived(heard.sender, LegacyOffered(heard.sdp))
        case Answer():
            return LegacyReceived(heard.sender, LegacyAnswered(heard.sdp))
        case SignalError():
            declined = LegacyDeclined(heard.text_for_people, heard.current_status or "")
            return LegacyReceived("", declined)
        case PeerMessage(payload=dict(payload)) if "app_message_type" in payload:
            return LegacyReceived(heard.from_peer_id, AppMessage(payload))
    return None
