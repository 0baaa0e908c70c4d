"""Orchestration: hands what comes over signaling to the sessions that it is for, and makes new ones.

A peer has one session with us at a time: a second offer of his ends the first, which may be one that he has
lost and we have not missed yet.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.live.errors import PeerLost, PeerUnreachable
from sleap_rtc.live.peer_session import PATIENCE_S, PeerSession
from sleap_rtc.live.signaling import Received, SessionAnswered, SessionDeclined, SessionOffered
from sleap_rtc.storage.errors import SleapRtcError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sleap_rtc.live.heartbeat import Beat
    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.signaling import Signal, Signaling

log = logging.getLogger(__name__)


async def _no_guests(session: PeerSession) -> None:
    """Take no session that others offer."""
    raise AssertionError(session)


class Sessions:
    """One peer's sessions.

    Args:
        signaling: carries the descriptions.
        ice_servers: returns those to use for the next session.
        welcome: serves a session that a peer offered, until it ends; without it offers are declined.
        most_guests: how many such sessions there may be at once.
        beat: how alive peers have to be.
        within_s: how long a session may take to come about, in seconds.
    """

    def __init__(
        self,
        signaling: Signaling,
        *,
        ice_servers: Callable[[], Sequence[IceServer]] = tuple,
        welcome: Callable[[PeerSession], Awaitable[None]] = _no_guests,
        most_guests: int = 4,
        beat: Beat | None = None,
        within_s: float = PATIENCE_S,
    ) -> None:
        self._signaling = signaling
        self._ice_servers = ice_servers
        self._welcome = welcome
        self._most_guests = most_guests if welcome is not _no_guests else 0
        self._beat = beat
        self._within_s = within_s
        self._answers: dict[tuple[str, str], asyncio.Future[str]] = {}
        self._guests: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Hand on what comes until the signaling is closed or this is cancelled; then end every guest."""
        try:
            async for received in self._signaling.receive():
                self._take(received)
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def call(self, peer_id: str) -> PeerSession:
        """Make a session with a peer of the room.

        Raises:
            PeerUnreachable: he is not there, does not want to, or cannot be reached.
        """
        session_id = str(ULID())
        session, offer = await PeerSession.offering(session_id, peer_id, self._ice_servers(), self._beat)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[peer_id, session_id] = answer
        try:
            await self._signaling.send(peer_id, SessionOffered(session_id, offer))
            async with asyncio.timeout(self._within_s):
                sdp = await answer
            await session.answered(sdp)
            await session.opened(self._within_s)
        except TimeoutError:
            await session.close("no answer")
            raise PeerUnreachable(where=peer_id, why=f"no answer within {self._within_s:g} s") from None
        except BaseException as error:
            await session.close("it did not come about")
            if isinstance(error, SleapRtcError) or not isinstance(error, Exception):
                raise
            # The engine raises whatever comes to hand.
            raise PeerUnreachable(where=peer_id, why=str(error) or type(error).__name__) from error
        finally:
            del self._answers[peer_id, session_id]
        return session

    def _take(self, received: Received) -> None:
        peer_id, signal = received.from_peer, received.signal
        if isinstance(signal, SessionOffered):
            self._offered(peer_id, signal)
            return
        answer = self._answers.get((peer_id, signal.session_id))
        if answer is None or answer.done():
            return  # it comes too late
        if isinstance(signal, SessionAnswered):
            answer.set_result(signal.sdp)
        else:
            answer.set_exception(PeerUnreachable(where=peer_id, why=signal.why))

    def _offered(self, peer_id: str, offer: SessionOffered) -> None:
        before = self._guests.get(peer_id)
        if before is not None:
            before.cancel()
        elif len(self._guests) >= self._most_guests:
            why = "it has as many sessions as it takes" if self._most_guests else "it takes no sessions"
            self._keep(asyncio.create_task(self._send(peer_id, SessionDeclined(offer.session_id, why))))
            return
        task = asyncio.create_task(self._serve(peer_id, offer))
        self._guests[peer_id] = task
        self._keep(task)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, peer_id: str, offer: SessionOffered) -> None:
        session: PeerSession | None = None
        try:
            session, sdp = await PeerSession.answering(
                offer.session_id, peer_id, offer.sdp, self._ice_servers(), self._beat
            )
            await self._send(peer_id, SessionAnswered(offer.session_id, sdp))
            await session.opened(self._within_s)
            await self._welcome(session)
        except (PeerUnreachable, PeerLost) as error:
            log.info("%s", error)
        except Exception:
            log.exception("session with %s", peer_id)
        finally:
            if self._guests.get(peer_id) is asyncio.current_task():
                del self._guests[peer_id]
            if session is not None:
                await session.close("it was served")

    async def _send(self, peer_id: str, signal: Signal) -> None:
        with suppress(Unreachable):  # then nobody waits for it
            await self._signaling.send(peer_id, signal)
