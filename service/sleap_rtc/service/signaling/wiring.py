"""Orchestration: picks the implementations that the signaling server of one instance runs on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sleap_rtc.service.signaling.anonymous import AnonymousSignIn, LiveCallers
from sleap_rtc.service.signaling.door import Door
from sleap_rtc.service.signaling.ice_servers import IceServers
from sleap_rtc.service.signaling.room_tokens import SignalingRooms
from sleap_rtc.service.signaling.server import Signaling
from sleap_rtc.service.signaling.switchboard import LocalSwitchboard
from sleap_rtc.settings.environments import anonymous_signin

if TYPE_CHECKING:
    from sleap_rtc.service.identity import Verifier
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.object_store import ObjectStore

log = logging.getLogger(__name__)


def make_signaling(settings: Settings, store: ObjectStore, tokens: Verifier, rooms: Rooms) -> Signaling:
    """Return the signaling server of this instance."""
    anonymous = AnonymousSignIn(store) if anonymous_signin(settings) else None
    callers = LiveCallers(tokens, anonymous)
    room_tokens = SignalingRooms(store)
    turn_secret = settings.turn_secret.get_secret_value()
    if settings.turn_urls and not turn_secret:
        log.warning("turn_urls is set and turn_secret is not, so peers are offered no TURN server")
    return Signaling(
        callers=callers,
        anonymous=anonymous,
        rooms=rooms,
        room_tokens=room_tokens,
        door=Door(callers, rooms, room_tokens, discreet=anonymous is None),
        switchboard=LocalSwitchboard(),
        ice_servers=IceServers(settings.stun_urls, settings.turn_urls, turn_secret),
    )
