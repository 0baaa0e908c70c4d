"""Orchestration: a client of the existing tool, from its offer to its leaving.

It brings one package. While that is worked on, lines and progress go to it, and then the results. Its models
go to the room, too, so that they do not vanish with this worker. A client that is cut off, or leaves, does
not end a training whose models the room gets; where no room keeps them nobody would ever see them, and it
ends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from sleap_rtc.live.errors import PeerLost
from sleap_rtc.live.legacy_file import DOWN_FRAME_BYTES
from sleap_rtc.live.legacy_frames import (
    TRACK,
    FileMeta,
    InferenceError,
    InferenceJobsDone,
    LegacyFrame,
    LogLine,
    ProgressReport,
    TrackLog,
    TrainingJobsDone,
    TrainJobError,
)
from sleap_rtc.live.legacy_session import LegacySession
from sleap_rtc.live.legacy_signaling import LegacyAnswered, LegacyDeclined
from sleap_rtc.storage.errors import SleapRtcError, Unreachable
from sleap_rtc.worker.legacy_intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.legacy_signaling import LegacySignaling
    from sleap_rtc.worker.legacy_intake import Parcel
    from sleap_rtc.worker.legacy_shop import Errand, LegacyShop

log = logging.getLogger(__name__)

LINGERS_FOR_S = 600.0
"""The existing client stays connected after its results until somebody ends it."""
_MAY_BE_MISSED = (LogLine, TrackLog, ProgressReport)


class LegacyVisit:
    """One client's visit.

    Args:
        peer_id: who it is.
        shop: what this worker does for it.
        signaling: carries the answer to its offer.
        ice_servers: those to use.
    """

    def __init__(
        self,
        peer_id: str,
        shop: LegacyShop,
        signaling: LegacySignaling,
        ice_servers: Sequence[IceServer],
    ) -> None:
        self.peer_id = peer_id
        self._shop = shop
        self._signaling = signaling
        self._ice_servers = ice_servers
        self._session: LegacySession | None = None
        self._errand: Errand | None = None
        self._why_left = ""

    @property
    def at_work(self) -> bool:
        """Whether its package is worked on."""
        return self._errand is not None

    async def serve(self, offer: str, folder: Path, on_work: Callable[[], None]) -> bool:
        """Take the package, work on it, send the results; return whether there was a package.

        Args:
            offer: the client's description.
            folder: for all that it brings and that comes of it; empty.
            on_work: called once the package is here.
        """
        inbox, workshop = folder / "inbox", folder / "work"
        for each in (inbox, workshop):
            each.mkdir()
        intake = Intake(inbox)
        try:
            session, answer = await LegacySession.answering(
                self.peer_id, offer, lambda frame: self._heard(intake, frame), self._ice_servers
            )
            self._session = session
            if self._why_left:
                session.end(self._why_left)
            await self._signaling.send_legacy(self.peer_id, LegacyAnswered(answer))
            await session.opened()
            parcel = await _before_the_end(session, intake)
        except (SleapRtcError, OSError) as error:
            log.info("nothing is done for %s: %s", self.peer_id, error)
            await self._turn_away(intake, _sentence(error))
            return False
        finally:
            await asyncio.to_thread(intake.abandon)
        on_work()
        log.info("%s brought %s, to %s", self.peer_id, parcel.path.name, parcel.kind)
        await self._work(session, parcel, workshop)
        return True

    async def linger(self) -> None:
        """Let the client stay for a while: what was sent may still be on its way."""
        if self._session is not None and not self._why_left:
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGERS_FOR_S):
                    await self._session.wait_ended()

    def leave(self, why: str) -> None:
        """Let the visit end: at once, or as soon as the engine at work has ended."""
        self._why_left = why
        if self._errand is not None:
            self._errand.give_up(why)
        elif self._session is not None:
            self._session.end(why)

    async def close(self) -> None:
        """Be gone."""
        if self._session is not None:
            await self._session.drained()
            await self._session.close(self._why_left or "it was served")

    def _heard(self, intake: Intake, frame: LegacyFrame | bytes) -> None:
        if self._errand is not None:
            self._errand.hear(frame)
        else:
            intake.take(frame)

    async def _work(self, session: LegacySession, parcel: Parcel, folder: Path) -> None:
        loop = asyncio.get_running_loop()

        def say(frame: LegacyFrame) -> None:
            loop.call_soon_threadsafe(self._send, frame)

        errand = self._shop.errand(parcel, say)
        self._errand = errand
        if self._why_left:
            errand.give_up(self._why_left)
        watching = asyncio.create_task(self._watch(session, errand, parcel))
        try:
            file = await asyncio.to_thread(errand.run, folder)
            if file is not None:
                await self._send_results(session, file, parcel)
            if parcel.kind == TRACK:
                self._send(InferenceJobsDone())
            await asyncio.to_thread(self._shop.keep, self.peer_id, parcel, errand.trained)
        finally:
            watching.cancel()
            errand.give_up("it is over")
            self._errand = None

    async def _watch(self, session: LegacySession, errand: Errand, parcel: Parcel) -> None:
        why = await session.wait_ended()
        if self._shop.goes_on_alone(parcel):
            log.info("%s left; its training goes on, and the room gets the models", self.peer_id)
        else:
            errand.give_up(f"the client left: {why}")

    async def _send_results(self, session: LegacySession, file: Path, parcel: Parcel) -> None:
        # A colon would make two fields of it over there.
        output_dir = parcel.output_dir if ":" not in parcel.output_dir else "models"
        size_bytes = (await asyncio.to_thread(file.stat)).st_size
        try:
            await session.send_file(file, FileMeta(file.name, size_bytes, output_dir), DOWN_FRAME_BYTES)
            log.info("sent %s to %s, %d bytes", file.name, self.peer_id, size_bytes)
        except (SleapRtcError, OSError) as error:
            log.warning("%s does not have its results: %s", self.peer_id, error)

    async def _turn_away(self, intake: Intake, why: str) -> None:
        if intake.kind == TRACK:
            frames: tuple[LegacyFrame, ...] = (TrackLog(why), InferenceError(why), InferenceJobsDone())
        else:
            frames = (LogLine(why), TrainJobError(intake.name, why), TrainingJobsDone())
        for frame in frames:
            self._send(frame)
        if self._session is None:
            with suppress(Unreachable):
                await self._signaling.send_legacy(self.peer_id, LegacyDeclined(why))
        else:
            await self._session.drained()
            await self._session.close(why)

    def _send(self, frame: LegacyFrame) -> None:
        if self._session is None:
            return
        with suppress(PeerLost):
            if isinstance(frame, _MAY_BE_MISSED):
                self._session.send_if_room(frame)
            else:
                self._session.send(frame)


async def _before_the_end(session: LegacySession, intake: Intake) -> Parcel:
    """Return what comes, unless the session ends first. Raises PeerLost and what `Intake.whole` raises."""
    whole = asyncio.create_task(intake.whole())
    ended = asyncio.create_task(session.wait_ended())
    try:
        await asyncio.wait([whole, ended], return_when=asyncio.FIRST_COMPLETED)
        if not whole.done():
            raise PeerLost(peer=session.peer_id, why=session.why_ended)
        return whole.result()
    finally:
        whole.cancel()
        ended.cancel()


def _sentence(error: SleapRtcError | OSError) -> str:
    if isinstance(error, OSError):
        return f"The disk of the worker did not take it ({error.strerror})."
    return str(error)
