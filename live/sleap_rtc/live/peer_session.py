"""Orchestration: a connection to one peer, with three data channels and a heartbeat.

    ctl        ordered, reliable        requests, commands, the heartbeat
    progress   neither                  what is stale as soon as the next one comes
    bulk       ordered, reliable        the bytes of files

The offerer makes the channels. The engine cannot move a connection to another network path (aiortc has no ICE
restart), so a session that is cut is over: whoever needs the peer makes a new one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from sleap_rtc.live.channel import Channel
from sleap_rtc.live.connection import attempt_of, is_relayed, peer_connection
from sleap_rtc.live.errors import PeerLost, PeerUnreachable
from sleap_rtc.live.heartbeat import Beat, Pulse
from sleap_rtc.live.no_path import why_no_path
from sleap_rtc.live.relays import Relays, find_relay
from sleap_rtc.live.session_facts import HeartbeatReturned, SessionsOpen, SessionTried
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiortc import RTCDataChannel

    from sleap_rtc.live.ice_server import IceServer

log = logging.getLogger(__name__)

PATIENCE_S = 20.0
_MOST_PING_CHARACTERS = 100
_CLOSING_S = 5.0


class Path(StrEnum):
    """Which way a session's packets take; a relay is paid for by the byte."""

    DIRECT = "direct"
    RELAYED = "relayed"


class PeerSession:
    """One side of a session. `offering` and `answering` make one; `opened` waits until it stands.

    Args:
        session_id: made by the offerer.
        peer_id: who is at the other end.
        relays: where to learn the own address and to be relayed; none of the engine's own.
        beat: how alive the two have to be.
    """

    def __init__(
        self, session_id: str, peer_id: str, relays: Relays | None = None, beat: Beat | None = None
    ) -> None:
        self.session_id = session_id
        self.peer_id = peer_id
        self.ctl = Channel("ctl", peer_id)
        self.progress = Channel("progress", peer_id)
        self.bulk = Channel("bulk", peer_id, paced=True)
        self.round_trip_s: float | None = None
        """How long the last heartbeat took there and back, in seconds."""
        self._channels = {each.label: each for each in (self.ctl, self.progress, self.bulk)}
        self._beat = beat or Beat()
        self._relays = relays or Relays()
        self._connection = peer_connection(self._relays.ice_servers)
        self._connection.on("connectionstatechange", self._state_changed)
        self._path = Path.DIRECT
        self._ended = asyncio.Event()
        self._why_ended = ""
        self._pulse = Pulse(self._beat, self._now())
        self._heart: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def offering(
        cls, session_id: str, peer_id: str, ice_servers: Sequence[IceServer] = (), beat: Beat | None = None
    ) -> tuple[Self, str]:
        """Begin a session; return it and the description that the peer has to be sent."""
        session = cls(session_id, peer_id, await find_relay(ice_servers), beat)
        connection = session._connection
        session._bind(connection.createDataChannel("ctl"))
        session._bind(connection.createDataChannel("progress", ordered=False, maxRetransmits=0))
        session._bind(connection.createDataChannel("bulk"))
        await connection.setLocalDescription(await connection.createOffer())
        return session, connection.localDescription.sdp

    @classmethod
    async def answering(
        cls,
        session_id: str,
        peer_id: str,
        offer: str,
        ice_servers: Sequence[IceServer] = (),
        beat: Beat | None = None,
    ) -> tuple[Self, str]:
        """Take an offered session; return it and the description that the peer has to be sent.

        Raises:
            PeerUnreachable: the offer is none.
        """
        session = cls(session_id, peer_id, await find_relay(ice_servers), beat)
        session._connection.on("datachannel", session._bind)
        await session._take(offer, "offer")
        connection = session._connection
        await connection.setLocalDescription(await connection.createAnswer())
        return session, connection.localDescription.sdp

    async def answered(self, answer: str) -> None:
        """Take the peer's description.

        Raises:
            PeerUnreachable: it is none.
        """
        await self._take(answer, "answer")

    async def opened(self, within_s: float = PATIENCE_S) -> None:
        """Wait until all channels are open, and begin with the heartbeat.

        Raises:
            PeerUnreachable: they are not, within this time.
        """
        waits = [asyncio.ensure_future(each.opened.wait()) for each in self._channels.values()]
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            every = asyncio.ensure_future(asyncio.wait(waits))
            await asyncio.wait([every, ended], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if not all(wait.done() for wait in waits) or self._why_ended:
                why = self._why_ended or why_no_path(attempt_of(self._connection, self._relays))
                await self.close(why)
                raise PeerUnreachable(where=self.peer_id, why=why)
        finally:
            for wait in (*waits, ended, every):
                wait.cancel()
        self._pulse.heard(self._now())
        self._heart = asyncio.create_task(self._keep_alive())
        tell(SessionTried(self.path.value))
        tell(SessionsOpen(1))
        log.info("session with %s: %s", self.peer_id, self.path)

    @property
    def path(self) -> Path:
        """Which way the packets take, or took until the end, as far as this side can see."""
        relayed = is_relayed(self._connection)
        if relayed is not None:
            self._path = Path.RELAYED if relayed else Path.DIRECT
        return self._path

    @property
    def why_ended(self) -> str:
        """Why the session is over; empty while it is not."""
        return self._why_ended

    async def wait_ended(self) -> str:
        """Wait until the session is over and return why."""
        await self._ended.wait()
        return self._why_ended

    async def close(self, why: str = "this side closed it") -> None:
        """End the session, whatever state it is in."""
        self.end(why)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def end(self, why: str) -> None:
        """End the session without waiting until it is closed."""
        if self._why_ended:
            return
        self._why_ended = why
        tell(SessionTried("none") if self._heart is None else SessionsOpen(-1))
        log.info("session with %s ended: %s", self.peer_id, why)
        for channel in self._channels.values():
            channel.end(why)
        self._ended.set()
        if self._heart is not None and self._heart is not asyncio.current_task():
            self._heart.cancel()
        self._closing = asyncio.create_task(self._disconnect())

    async def _disconnect(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await self._connection.close()

    async def _take(self, sdp: str, kind: str) -> None:
        from aiortc import RTCSessionDescription

        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, kind))
        except Exception as error:  # the engine's parser raises whatever comes to hand
            await self.close("its description cannot be used")
            raise PeerUnreachable(where=self.peer_id, why=f"its {kind} cannot be used") from error

    def _bind(self, channel: RTCDataChannel) -> None:
        known = self._channels.pop(channel.label, None) if channel.label in _LABELS else None
        if known is None:
            log.warning("session with %s: a channel that there is not, %.40r", self.peer_id, channel.label)
            return
        self._channels[channel.label] = known
        known.bind(channel)

        def on_message(message: str | bytes) -> None:
            self._pulse.heard(self._now())
            try:
                if known is not self.ctl or not self._is_heartbeat(message):
                    known.heard(message)
            except PeerLost:
                pass
            except Exception:
                # An exception would end up in the engine, which would be left half alive.
                log.exception("session with %s: a message on %s", self.peer_id, known.label)
                self.end("a message could not be handled")

        channel.on("message", on_message)

    def _is_heartbeat(self, message: str | bytes) -> bool:
        if isinstance(message, bytes) or len(message) > _MOST_PING_CHARACTERS:
            return False
        with suppress(ValueError, RecursionError):
            match json.loads(message):
                case {"op": "ping", "at": float(at)}:
                    self.ctl.send(json.dumps({"v": 1, "op": "pong", "at": at}))
                    return True
                case {"op": "pong", "at": float(at)}:
                    self.round_trip_s = self._now() - at
                    tell(HeartbeatReturned(self.round_trip_s))
                    return True
        return False

    async def _keep_alive(self) -> None:
        while not self._why_ended:
            self.ctl.send(json.dumps({"v": 1, "op": "ping", "at": self._now()}))
            await asyncio.sleep(self._beat.every_s)
            if self._pulse.dead(self._now()):
                self.end(f"nothing was heard of it for {self._beat.dead_after_s:g} s")

    def _state_changed(self) -> None:
        state = self._connection.connectionState
        if state == "failed" and self._heart is None:
            self.end(why_no_path(attempt_of(self._connection, self._relays)))
        elif state in {"failed", "closed"}:
            self.end("the connection was cut")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


_LABELS = frozenset({"ctl", "progress", "bulk"})
