"""Orchestration: who is let into the signaling of a room, and what he is told otherwise."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sleap_rtc.live.signaling_messages import FIELDS_MISSING, SignalError, is_own_peer_id
from sleap_rtc.service.identity import Unauthenticated
from sleap_rtc.service.signaling.room_tokens import Verdict
from sleap_rtc.storage.errors import NotFound, Refused, SleapRtcError

if TYPE_CHECKING:
    from datetime import datetime

    from sleap_rtc.live.signaling_messages import Register
    from sleap_rtc.service.rooms import Rooms
    from sleap_rtc.service.signaling.anonymous import LiveCallers
    from sleap_rtc.service.signaling.room_tokens import SignalingRooms

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Admitted:
    """Somebody may come in."""

    subject: str


@dataclass(frozen=True)
class TurnedAway:
    """Somebody may not come in."""

    answer: SignalError


class Door:
    """Lets in those who may write in a room, and whoever has a token of the room that still holds.

    Args:
        callers: tell who it is.
        rooms: tell who may write.
        room_tokens: tell what a token is worth.
        discreet: whether a wrong token and a room that there is not get the same answer; the existing server
            tells them apart.
    """

    def __init__(
        self, callers: LiveCallers, rooms: Rooms, room_tokens: SignalingRooms, *, discreet: bool
    ) -> None:
        self._discreet = discreet
        self._callers = callers
        self._rooms = rooms
        self._room_tokens = room_tokens

    def admit(self, register: Register, now: datetime) -> Admitted | TurnedAway:
        """Decide on a registration."""
        try:
            return self._decide(register, now)
        except SleapRtcError as error:
            log.error("a registration in room %.64s cannot be decided: %s", register.room_id, error)
            return _away("The room cannot be looked up at the moment")

    def _decide(self, register: Register, now: datetime) -> Admitted | TurnedAway:
        try:
            caller = self._callers.verify(register.id_token)
        except Unauthenticated:
            # `error` is where the existing server has it, without a type and without a reason.
            return TurnedAway(
                SignalError.model_validate({"reason": "Invalid token", "error": "Invalid token"})
            )
        if not is_own_peer_id(register.peer_id, caller.subject):
            return _away("The peer id does not belong to the id token")
        missing = FIELDS_MISSING
        try:
            self._rooms.enter(register.room_id, caller, to_write=True)
            return Admitted(caller.subject)
        except NotFound:
            pass
        except Refused:
            missing = "You may only read in this room"
        if not register.token:
            return _away(missing)
        verdict = self._room_tokens.judge(register.room_id, register.token, now)
        if verdict is Verdict.WRONG and self._discreet:
            verdict = Verdict.NO_ROOM
        return Admitted(caller.subject) if verdict is Verdict.GOOD else _away(verdict.value)


def _away(reason: str) -> TurnedAway:
    return TurnedAway(SignalError(reason=reason))
