"""Orchestration: what the signaling server of one instance is made of."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sleap_rtc.service.signaling.conversation import Conversation, Patience
from sleap_rtc.service.signaling.flood_limit import FloodLimit

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.service.signaling.anonymous import AnonymousSignIn, LiveCallers
    from sleap_rtc.service.signaling.door import Door
    from sleap_rtc.service.signaling.ice_servers import IceServers
    from sleap_rtc.service.signaling.room_tokens import SignalingRooms
    from sleap_rtc.service.signaling.switchboard import Switchboard


class Tally:
    """Counts what costs the service something and is open to anybody; all callers share the limits."""

    def __init__(self, burst: float = 120.0, per_s: float = 2.0) -> None:
        self._lock = threading.Lock()
        self._sign_ins = FloodLimit(burst, per_s)
        self._rooms = FloodLimit(burst, per_s)
        self.rooms_created = 0

    def takes_sign_in(self) -> bool:
        """Tell whether somebody else may sign in now."""
        with self._lock:
            return self._sign_ins.takes(time.monotonic())

    def takes_room(self) -> bool:
        """Tell whether another room may be opened now."""
        with self._lock:
            taken = self._rooms.takes(time.monotonic())
            self.rooms_created += taken
            return taken


@dataclass(frozen=True)
class Signaling:
    """Made by `wiring`, used by the routes; `anonymous` is None where nobody gets in without an identity."""

    callers: LiveCallers
    anonymous: AnonymousSignIn | None
    rooms: Rooms
    room_tokens: SignalingRooms
    door: Door
    switchboard: Switchboard
    ice_servers: IceServers
    patience: Patience = field(default_factory=Patience)
    tally: Tally = field(default_factory=Tally)

    async def serve(self, socket: WebSocket) -> None:
        """Talk with one peer until it goes."""
        await Conversation(socket, self.door, self.switchboard, self.ice_servers, self.patience).run()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)
