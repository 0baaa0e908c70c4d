"""Adapter: one WebSocket from its first message to its end."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from sleap_rtc.live.signaling_messages import (
    CloseCode,
    ErrorCode,
    MessageRefused,
    Register,
    RegistrationRefused,
    SignalError,
    read_said,
)
from sleap_rtc.service.signaling.door import TurnedAway
from sleap_rtc.service.signaling.flood_limit import FloodLimit
from sleap_rtc.service.signaling.line import Line
from sleap_rtc.service.signaling.peer_room import Arrival

if TYPE_CHECKING:
    from sleap_rtc.service.signaling.door import Door
    from sleap_rtc.service.signaling.ice_servers import IceServers
    from sleap_rtc.service.signaling.switchboard import Switchboard

log = logging.getLogger(__name__)

# A registration costs the service a look at its store.
_REGISTRATION_WEIGHT = 10.0
_TOO_MANY = SignalError(code=ErrorCode.INVALID_MESSAGE, message="Too many messages; wait a second")


@dataclass(frozen=True)
class Patience:
    """What is put up with.

    Attributes:
        register_within_s: after how many seconds a socket that registered nobody is closed.
        burst: how many messages may come at once.
        per_s: how many may come a second in the long run.
        most_refused: after how many messages too many the socket is closed.
        read_within_s: how many seconds a peer has to make place for one more message.
        close_within_s: how many seconds a peer has to read the last word.
    """

    register_within_s: float = 60.0
    burst: float = 200.0
    per_s: float = 50.0
    most_refused: int = 200
    read_within_s: float = 30.0
    close_within_s: float = 5.0


class Conversation:
    """What one socket says and hears."""

    def __init__(
        self,
        socket: WebSocket,
        door: Door,
        switchboard: Switchboard,
        ice_servers: IceServers,
        patience: Patience,
    ) -> None:
        self._socket = socket
        self._door = door
        self._switchboard = switchboard
        self._ice_servers = ice_servers
        self._patience = patience
        self._line = Line(patience.read_within_s)
        self._connection = uuid.uuid4().hex
        self._registered: Register | None = None
        self._subject = ""

    async def run(self) -> None:
        """Talk until either side has enough."""
        await self._socket.accept()
        sending = asyncio.create_task(self._send())
        listening = asyncio.create_task(self._listen())
        ended = asyncio.create_task(self._line.ended.wait())
        try:
            await asyncio.wait({sending, listening, ended}, return_when=asyncio.FIRST_COMPLETED)
            if self._line.ended.is_set():
                # It may be full to the brim because nobody reads.
                await asyncio.wait({sending}, timeout=self._patience.close_within_s)
        finally:
            tasks = (sending, listening, ended)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._leave()
        for task in (sending, listening):
            if not task.cancelled():
                task.result()

    async def _send(self) -> None:
        # uvicorn has a RuntimeError for what is sent after its own pings went unanswered.
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._line.run(self._socket)

    async def _leave(self) -> None:
        if self._registered is not None:
            room_id, self._registered = self._registered.room_id, None
            await self._switchboard.leave(room_id, self._connection)

    async def _listen(self) -> None:
        patience = self._patience
        flood = FloodLimit(patience.burst, patience.per_s)
        refused = 0
        until = asyncio.get_running_loop().time() + patience.register_within_s
        while not self._line.ended.is_set():
            try:
                async with asyncio.timeout_at(until if self._registered is None else None):
                    text = await self._next()
            except TimeoutError:
                self._line.end(CloseCode.POLICY, "nobody registered")
                return
            if text is None:
                return
            if flood.takes(time.monotonic()):
                await self._handle(text, flood)
                continue
            refused += 1
            if refused > patience.most_refused:
                self._line.end(CloseCode.POLICY, "too many messages")
                return
            self._say(_TOO_MANY)

    async def _next(self) -> str | bytes | None:
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            return None
        text: str | bytes | None = frame.get("text")
        return frame["bytes"] if text is None else text

    async def _handle(self, text: str | bytes, flood: FloodLimit) -> None:
        try:
            said = read_said(text)
        except RegistrationRefused as error:
            self._say(SignalError(reason=error.why))
            return
        except MessageRefused as error:
            self._say(SignalError(code=error.code, message=error.why))
            return
        if isinstance(said, Register):
            if flood.takes(time.monotonic(), _REGISTRATION_WEIGHT):
                await self._register(said)
            else:
                self._say(_TOO_MANY)
        elif self._registered is None:
            why = "Peer not registered in any room"
            self._say(SignalError(code=ErrorCode.NOT_IN_ROOM, message=why))
        else:
            await self._switchboard.hear(self._registered.room_id, self._connection, said)

    async def _register(self, register: Register) -> None:
        now = datetime.now(UTC)
        if not self._is_again(register):
            decision = await asyncio.to_thread(self._door.admit, register, now)
            if isinstance(decision, TurnedAway):
                self._say(decision.answer)
                return
            if self._registered is not None and self._registered.room_id != register.room_id:
                await self._leave()
            self._subject = decision.subject
        arrival = Arrival(
            connection=self._connection,
            register=register,
            at_s=now.timestamp(),
            ice_servers=self._ice_servers.for_subject(self._subject, now),
            mesh_ice_servers=self._ice_servers.stun(),
        )
        if await self._switchboard.join(register.room_id, arrival, self._line):
            self._registered = register
            log.info("a %.20s joined the peers of room %s", register.role, register.room_id)

    def _is_again(self, register: Register) -> bool:
        # A worker registers again after each client, and its tokens may have ended meanwhile. Its socket has
        # the authority that it had from the start.
        known = self._registered
        return known is not None and (known.room_id, known.peer_id) == (register.room_id, register.peer_id)

    def _say(self, error: SignalError) -> None:
        self._line.send(error.text())
