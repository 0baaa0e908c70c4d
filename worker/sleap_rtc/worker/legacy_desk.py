"""Orchestration: where clients of the existing tool come in, one at a time, and are told why if they may not.

They share the slot with the jobs of the queue. Whatever becomes of a visit, the slot is free again
afterwards. A peer that makes another offer before it has brought its package has lost its connection, and
begins anew.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.live.legacy_signaling import AppMessage, LegacyDeclined, LegacyOffered
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.worker.legacy_requests import answer_to
from sleap_rtc.worker.legacy_visit import LegacyVisit
from sleap_rtc.worker.slot import Holder, properties_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from sleap_rtc.live.ice_server import IceServer
    from sleap_rtc.live.legacy_signaling import LegacyReceived, LegacySignal, LegacySignaling
    from sleap_rtc.worker.legacy_shop import LegacyShop
    from sleap_rtc.worker.shift_watch import ShiftWatch
    from sleap_rtc.worker.slot import Slot

log = logging.getLogger(__name__)

MOST_LINGERING = 8
_LEAVING = "the worker shuts down"


class LegacyDesk:
    """Serves for as long as `run` runs.

    Args:
        signaling: brings the offers.
        ice_servers: returns those to use for the next session.
        slot: shared with the queue.
        shift: what is done here counts for it.
        shop: what is done for clients.
        work_dir: where folders for them are made.
    """

    def __init__(
        self,
        signaling: LegacySignaling,
        ice_servers: Callable[[], Sequence[IceServer]],
        slot: Slot,
        shift: ShiftWatch,
        shop: LegacyShop,
        work_dir: Path,
    ) -> None:
        self._signaling = signaling
        self._ice_servers = ice_servers
        self._slot = slot
        self._shift = shift
        self._shop = shop
        self._work_dir = work_dir
        self._visits: dict[str, LegacyVisit] = {}
        self._lingering: list[LegacyVisit] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then see everybody out."""
        self._signaling.listen_legacy(self._heard)
        try:
            await stop.wait()
        finally:
            self._leaving = True
            for visit in (*self._visits.values(), *self._lingering):
                visit.leave(_LEAVING)
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _heard(self, received: LegacyReceived) -> None:
        match received.signal:
            case LegacyOffered(sdp):
                self._offered(received.from_peer, sdp)
            case AppMessage(payload):
                answer = answer_to(payload, free=self._slot.holder is None and not self._leaving)
                if answer is not None:
                    self._keep(self._tell(received.from_peer, AppMessage(answer)))

    def _offered(self, peer_id: str, sdp: str) -> None:
        before = self._visits.get(peer_id)
        if before is not None and not before.at_work:
            before.leave("it began anew")
            self._keep(self._begin_anew(peer_id, sdp))
        else:
            self._admit(peer_id, sdp)

    async def _begin_anew(self, peer_id: str, sdp: str) -> None:
        await self._slot.wait()
        self._admit(peer_id, sdp)

    def _admit(self, peer_id: str, sdp: str) -> None:
        status = properties_of(self._slot.holder)["status"]
        if self._leaving or not self._slot.take(Holder(peer_id, at_work=False)):
            why = _LEAVING if self._leaving else f"the worker is {status}; choose another one, or try later"
            log.info("the offer of %s is declined: %s", peer_id, why)
            self._keep(self._tell(peer_id, LegacyDeclined(why, "maintenance" if self._leaving else status)))
            return
        self._keep(self._serve(peer_id, sdp))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, peer_id: str, signal: LegacySignal) -> None:
        with suppress(Unreachable):  # then nobody waits for it
            await self._signaling.send_legacy(peer_id, signal)

    async def _serve(self, peer_id: str, sdp: str) -> None:
        visit = LegacyVisit(peer_id, self._shop, self._signaling, self._ice_servers())
        self._visits[peer_id] = visit
        try:
            await self._work(visit, sdp)
            await self._linger(visit)
        except Exception:
            log.exception("the visit of %s", peer_id)
        finally:
            await visit.close()

    async def _work(self, visit: LegacyVisit, sdp: str) -> None:
        served, folder = False, None
        try:
            with self._shift.at_work():
                folder = await asyncio.to_thread(self._make_folder)
                served = await visit.serve(sdp, folder, self._slot.work)
        except OSError as error:
            log.error("a peer cannot be served: %s", error)
            why = f"the disk of the worker takes nothing ({error.strerror})"
            await self._tell(visit.peer_id, LegacyDeclined(why))
        finally:
            try:
                if folder is not None:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            finally:
                self._visits.pop(visit.peer_id, None)
                self._slot.give_back()
        if served:
            self._shift.settled()

    def _make_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="peer-", dir=self._work_dir))

    async def _linger(self, visit: LegacyVisit) -> None:
        self._lingering.append(visit)
        if len(self._lingering) > MOST_LINGERING:
            self._lingering[0].leave("others wait")
        try:
            await visit.linger()
        finally:
            self._lingering.remove(visit)
