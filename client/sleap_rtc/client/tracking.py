"""Orchestration: what `client-track` does: pack, send to a worker, show what it says, take what comes."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.client import wiring
from sleap_rtc.client.asking import ask_which, can_ask
from sleap_rtc.client.display import JsonWatcher, console
from sleap_rtc.client.job_show import JsonShow, TextShow
from sleap_rtc.client.legacy_package import ENDING
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.model_source import ModelSource
from sleap_rtc.client.room_entry import door_of, entered
from sleap_rtc.client.track_package import make_track_package
from sleap_rtc.client.worker_choice import WorkerTaken, WorkerUndecided, decided, doing, suitable
from sleap_rtc.live.engine import engine_missing
from sleap_rtc.live.event_loop import run
from sleap_rtc.live.legacy_frames import TRACK
from sleap_rtc.storage.errors import FileMissing, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.client.legacy_train import LegacyResults
    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.client.train_order import Place
    from sleap_rtc.client.worker_choice import Candidate

_JOB_TYPE = "inference"


@dataclass(frozen=True)
class TrackOrder:
    """An inference.

    Attributes:
        data: a file of SLEAP's, or a package that is made already.
        models: paths, ids or aliases; none for a package.
        output: where the predictions are to lie.
        place: in which room, by which worker.
        only_suggested_frames: whether to leave out all other frames.
        registry: the file of another registry than the usual one.
    """

    data: Path
    models: tuple[str, ...]
    output: Path
    place: Place
    only_suggested_frames: bool = True
    registry: Path | None = None


class TrackSession:
    """One run of `client-track`."""

    def __init__(self, order: TrackOrder, *, as_json: bool) -> None:
        self._order = order
        self._json = JsonWatcher() if as_json else None
        self._settings = wiring.settings_for("")

    def run(self) -> None:
        """Have the predictions here.

        Raises:
            FileMissing, NotTrackable, PackageUnusable: there is nothing to be sent.
            NotFound: there is no such model.
            WorkerAbsent, WorkerTaken, NoWorkerFree, WorkerUndecided: no worker can be had as it is wished.
            LegacyJobFailed: the inference failed.
            Unreachable: there was no worker, or no more.
        """
        output = self._order.output.absolute()
        if not output.parent.is_dir():
            raise InputError(message=f"There is no folder {output.parent}, in which --output is to lie.")
        if missing := engine_missing():
            raise InputError(message=f"Workers cannot be reached, since {missing}.")
        with tempfile.TemporaryDirectory(prefix="sleap-rtc-track-") as name:
            package = self._package(Path(name))
            results = run(self._live(package, output))
        size_bytes = results.path.stat().st_size
        if self._json:
            self._json.tell("results", path=str(results.path), size_bytes=size_bytes)
        else:
            console.print(f"The predictions are here: {results.path}", markup=False)

    def _package(self, folder: Path) -> Path:
        order = self._order
        if order.data.name.endswith(ENDING):
            if not order.data.is_file():
                raise FileMissing(path=order.data)
            if order.models:
                raise InputError(message="A package has its models in it: leave --model-paths out.")
            return order.data
        if not order.models:
            raise InputError(message="Say which models to use: --model-paths MODEL, once for each.")
        models = [self._model(name) for name in order.models]
        target = folder / f"track_{secrets.token_hex(4)}{ENDING}"
        return make_track_package(
            order.data, models, target, only_suggested_frames=order.only_suggested_frames
        )

    def _model(self, name: str) -> Path:
        registry = wiring.registry(self._settings)
        if self._order.registry is not None:
            registry = ClientModelRegistry(self._order.registry)
        room_id = self._order.place.room_id
        source = ModelSource(
            wiring.service_client(self._settings),
            registry,
            room_id,
            peers_of=wiring.peers_of(self._settings, room_id),
        )
        return source.find(name).folder

    async def _live(self, package: Path, output: Path) -> LegacyResults:
        from sleap_rtc.client.legacy_train import run_legacy_job

        place = self._order.place
        async with entered(door_of(self._settings, place.room_id, place.room_token)) as room:
            workers = await self._workers(room)
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
