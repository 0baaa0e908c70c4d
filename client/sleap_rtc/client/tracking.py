"""Orchestration: what `client-track` does: the transport is chosen, and then either

through S3      upload, follow, bring the predictions (`room_inference.py`)
over WebRTC     pack, send to a worker of the existing tool, show what it says, take what comes
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.client import wiring
from sleap_rtc.client.asking import ask_which, can_ask
from sleap_rtc.client.display import JsonWatcher, console
from sleap_rtc.client.job_show import JsonShow, TextShow
from sleap_rtc.client.room_entry import door_of, entered
from sleap_rtc.client.room_inference import RoomInference
from sleap_rtc.client.track_models import TrackModels
from sleap_rtc.client.track_order import check_order
from sleap_rtc.client.transport_choice import look_at_cloud, transport_chosen
from sleap_rtc.client.transport_selector import Transport
from sleap_rtc.client.worker_choice import WorkerTaken, WorkerUndecided, decided, doing, suitable
from sleap_rtc.events.span_table import TRACK_COMMAND
from sleap_rtc.live.engine import engine_missing
from sleap_rtc.live.event_loop import run
from sleap_rtc.live.legacy_frames import TRACK
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.upload_state import FileIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.client.legacy_train import LegacyResults
    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.client.track_order import TrackOrder
    from sleap_rtc.client.transport_choice import Cloud
    from sleap_rtc.client.worker_choice import Candidate

_JOB_TYPE = "inference"


class TrackSession:
    """One run of `client-track`."""

    def __init__(self, order: TrackOrder, *, limit: str, as_json: bool) -> None:
        self._order = order
        self._json = JsonWatcher() if as_json else None
        self._settings = wiring.settings_for(limit)
        self._service = wiring.service_client(self._settings)

    def run(self) -> None:
        """Have the predictions here.

        Raises:
            FileMissing, NotTrackable, PackageUnusable: there is nothing to be sent.
            NotFound: there is no such model.
            WorkerAbsent, WorkerTaken, NoWorkerFree, WorkerUndecided: no worker can be had as it is wished.
            TransportRefused: what is forced cannot be done.
            ResultInTheWay: another file lies where the predictions are to lie.
            JobHasFailed, LegacyJobFailed: the inference failed.
            Unreachable: there was no worker, or no more.
        """
        with wiring.traced(TRACK_COMMAND, self._service):
            self._run()

    def _run(self) -> None:
        check_order(self._order)
        cloud = look_at_cloud(self._service, self._settings, self._order.place)
        with tempfile.TemporaryDirectory(prefix="sleap-rtc-track-") as name:
            results = self._over_webrtc(cloud, Path(name))
        if results is None:
            RoomInference(self._settings, self._service, self._order, self._json).run()
            return
        size_bytes = results.path.stat().st_size
        if self._json:
            self._json.tell("results", path=str(results.path), size_bytes=size_bytes)
        else:
            console.print(f"The predictions are here: {results.path}", markup=False)

    def _over_webrtc(self, cloud: Cloud, folder: Path) -> LegacyResults | None:
        """Do it by a connected worker, if that is the way to take."""
        if cloud.no_s3 and self._order.forced is None:
            return self._by_a_connected_worker(folder)
        return run(self._chosen(cloud, folder))

    def _by_a_connected_worker(self, folder: Path) -> LegacyResults:
        if missing := engine_missing():
            raise InputError(message=f"Workers cannot be reached, since {missing}.")
        self._check_for_existing_tool()
        return run(self._live(self._packaged(folder)))

    async def _chosen(self, cloud: Cloud, folder: Path) -> LegacyResults | None:
        """Choose the transport; None if the job goes through S3."""
        order = self._order
        choosing = transport_chosen(
            FileIdentity.of(order.data).size_bytes,
            order.place,
            order.forced,
            cloud,
            door_of(self._settings, order.place.room_id, order.place.room_token),
            self._settings,
            detached=order.detach,
            ask=None if self._json or not can_ask() else ask_which,
            job_type=_JOB_TYPE,
        )
        async with choosing as chosen:
            decision = chosen.decision
            if self._json:
                self._json.tell("transport", transport=decision.transport.value, reason=decision.reason)
            else:
                title = "Through S3" if decision.transport is Transport.S3 else "Over WebRTC"
                console.print(f"{title}: {decision.reason}", markup=False)
            if decision.transport is Transport.S3 or chosen.room is None:
                return None
            self._check_for_existing_tool()
            package = await asyncio.to_thread(self._packaged, folder)
            return await self._sent(chosen.room, chosen.workers, package)

    def _check_for_existing_tool(self) -> None:
        if only := self._order.only_for_ours:
            raise InputError(
                message=f"A worker of the existing tool knows nothing of {only}. Leave that out, or name a "
                "room that has workers of this tool."
            )

    def _packaged(self, folder: Path) -> Path:
        return TrackModels(self._settings, self._service, self._order).packaged(folder)

    async def _live(self, package: Path) -> LegacyResults:
        place = self._order.place
        async with entered(door_of(self._settings, place.room_id, place.room_token)) as room:
            return await self._sent(room, await self._workers(room), package)

    async def _sent(self, room: LiveRoom, workers: Sequence[Candidate], package: Path) -> LegacyResults:
        from sleap_rtc.client.legacy_train import run_legacy_job

        output = self._order.output.absolute()
        with JsonShow(self._json) if self._json else TextShow(package.name) as show:
            return await run_legacy_job(room, workers, package, TRACK, output, show)

    async def _workers(self, room: LiveRoom) -> Sequence[Candidate]:
        wish = self._order.place.wish
        free = suitable(doing(await room.workers(), _JOB_TYPE), wish)
        if wish.auto_select:
            return free
        try:
            worker = decided(free, wish)
        except WorkerUndecided:
            if self._json or not can_ask():
                raise
            worker = await asyncio.to_thread(ask_which, free)
        if not worker.free:
            raise WorkerTaken(worker=worker.name, status=worker.status)
        if not self._json:
            console.print(f"Over WebRTC to worker {worker.name}.", markup=False)
        return [worker]
