"""Orchestration: what `client-train` does: the transport is chosen, and then either

in place        submit, follow, pull: the workers see the package where it lies
through S3      upload, follow, pull
over WebRTC     send the package to a worker, show what it says, take what it made
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulid import ULID

from sleap_rtc.client import wiring
from sleap_rtc.client.asking import ask_which, can_ask
from sleap_rtc.client.display import JsonWatcher, console, human_bytes, transfer_bar
from sleap_rtc.client.follow_live import follow_live
from sleap_rtc.client.job_errors import check_end
from sleap_rtc.client.job_show import JsonShow, TextShow
from sleap_rtc.client.job_words import goes_on
from sleap_rtc.client.own_usage import tell_usage
from sleap_rtc.client.pull import pull_model
from sleap_rtc.client.room_entry import door_of
from sleap_rtc.client.shared_folder import place_in, shared_dataset
from sleap_rtc.client.trained_results import keep_models
from sleap_rtc.client.transport_choice import look_at_cloud, transport_chosen
from sleap_rtc.client.transport_selector import Transport
from sleap_rtc.events.shared_dataset import SubmitSharedJob
from sleap_rtc.events.span_table import PULL_MODEL, TRAIN_COMMAND, of_job
from sleap_rtc.events.tracing import child, note
from sleap_rtc.live.event_loop import run
from sleap_rtc.live.legacy_frames import TRAIN
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.upload_state import FileIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from sleap_rtc.client.direct_job import BroughtModel
    from sleap_rtc.client.legacy_train import LegacyResults
    from sleap_rtc.client.live_room import LiveRoom
    from sleap_rtc.client.train_order import TrainOrder
    from sleap_rtc.client.trained_results import KeptModel
    from sleap_rtc.client.transport_choice import Cloud
    from sleap_rtc.client.transport_selector import Decision
    from sleap_rtc.client.uploader import Uploaded
    from sleap_rtc.client.worker_choice import Candidate
    from sleap_rtc.events.jobs import JobRequest
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.storage.progress import ProgressHook


@dataclass(frozen=True)
class _WaitsInS3:
    """The job goes through S3; there is nothing to be done live."""


@dataclass(frozen=True)
class _Brought:
    """The job is done, and its models are here."""

    models: Sequence[BroughtModel]


class TrainSession:
    """One run of `client-train`."""

    def __init__(self, order: TrainOrder, *, limit: str, as_json: bool) -> None:
        self._order = order
        self._room_id = order.place.room_id
        self._json = JsonWatcher() if as_json else None
        self._limited = bool(limit)
        self._settings = wiring.settings_for(limit)
        self._service = wiring.service_client(self._settings)

    def run(self) -> None:
        """Bring the package to a worker, see to its end, and have the models here.

        With `detach` it returns as soon as the dataset is in the room: the rest happens without us.

        Raises:
            JobHasFailed, LegacyJobFailed: the job ended without a model.
            JobWasCancelled: somebody cancelled it.
            TransportRefused, NoWayThere: the package cannot be brought to a worker.
            Unreachable: a worker was there, and then no more.
        """
        with wiring.traced(TRAIN_COMMAND, self._service):
            self._run()

    def _run(self) -> None:
        size_bytes = FileIdentity.of(self._order.package).size_bytes  # before anything is announced
        if place := self._place():
            self._in_place(place)
            return
        results = run(self._live(size_bytes))
        if isinstance(results, _WaitsInS3):
            self._through_s3()
        elif isinstance(results, _Brought):
            for model in results.models:
                self._tell_kept(model.kept, "; the room has it, too" if model.in_room else "")
        else:
            self._keep(results)

    def _place(self) -> str:
        """Return where in the shared folder the package lies; "" where it does not, or it is to be sent."""
        order = self._order
        if order.forced is not None or order.gui is not None or order.place.wish.says_which:
            return ""
        return place_in(self._settings.shared_dir, order.package)

    def _in_place(self, place: str) -> None:
        order = self._order
        reason = f"{place} lies in the shared folder, where the workers read it; nothing is sent."
        self._emit("transport", transport="local", reason=reason, webrtc_usd=0.0, s3_usd=0.0)
        self._say(f"In place: {reason}")
        with self._bar(f"Reading {order.package.name}") as bar:
            dataset = shared_dataset(order.package, place, bar)
        asked = SubmitSharedJob(job_id=str(ULID()), dataset=dataset, job=order.request)
        job = self._service.submit_shared_job(self._room_id, asked)
        self._emit("submitted", job_id=job.job_id, path=place, checksum=dataset.checksum)
        self._say(f"{human_bytes(dataset.size_bytes)}, {dataset.checksum}\njob {job.job_id}")
        self._follow(job.job_id)

    async def _live(self, size_bytes: int) -> LegacyResults | _Brought | _WaitsInS3:
        """Choose the transport, and do the job if that is to be done live."""
        place = self._order.place
        cloud = await asyncio.to_thread(look_at_cloud, self._service, self._settings, place)
        door = door_of(self._settings, place.room_id, place.room_token)
        ask = None if self._json or not can_ask() else ask_which
        choosing = transport_chosen(
            size_bytes,
            place,
            self._order.forced,
            cloud,
            door,
            self._settings,
            detached=self._order.detach,
            ask=ask,
        )
        async with choosing as chosen:
            self._show(chosen.decision)
            if chosen.decision.transport is Transport.S3 or chosen.room is None:
                return _WaitsInS3()
            if chosen.workers[0].reads_s3:
                return await self._directly(chosen.room, chosen.workers[0], chosen.session, cloud)
            return await self._at_existing_worker(chosen.room, chosen.workers)

    async def _directly(
        self, room: LiveRoom, worker: Candidate, session: PeerSession | None, cloud: Cloud
    ) -> _Brought | _WaitsInS3:
        from sleap_rtc.client.direct_job import DirectJob
        from sleap_rtc.client.direct_talk import JobNotTaken

        order = self._order
        if order.detach:
            raise InputError(
                message=f"Worker {worker.name} reads the package from this machine, so --detach cannot be. "
                "Leave it out, or say --force-transport s3."
            )
        with JsonShow(self._json) if self._json else TextShow(order.package.name) as show:
            job = DirectJob(
                lambda: room.call(worker.peer_id),
                worker.name,
                order.package,
                order.request,
                wiring.registry(self._settings),
                show,
                session,
                traffic=wiring.traffic(self._settings),
            )
            try:
                models = await job.run()
            except JobNotTaken as refused:
                # It was free a moment ago.
                if order.forced is not None or cloud.no_s3:
                    raise
                self._say(f"{refused} So the dataset goes through S3.")
                return _WaitsInS3()
        return _Brought(models)

    async def _at_existing_worker(self, room: LiveRoom, workers: Sequence[Candidate]) -> LegacyResults:
        from sleap_rtc.client.legacy_train import run_legacy_job

        order, worker = self._order, workers[0]
        if order.detach:
            raise InputError(
                message=f"Worker {worker.name} sends its results to whoever waits for them and to nobody "
                "else, so --detach cannot be. Leave it out."
            )
        if order.request.trainer or order.request.overrides:
            raise InputError(
                message=f"Worker {worker.name} is of the existing tool and takes its options from the "
                "package alone. Put them into its configuration, and leave --trainer and --set out."
            )
        if self._limited:
            self._say("--limit holds for S3 only.")
        target = Path.cwd() / f"trained_{order.package.stem}.zip"
        with JsonShow(self._json) if self._json else TextShow(order.package.name) as show:
            return await run_legacy_job(room, workers, order.package, TRAIN, target, show, order.gui)

    def _keep(self, results: LegacyResults) -> None:
        self._emit("results", path=str(results.path), size_bytes=results.path.stat().st_size)
        self._say(f"The results are verified: {results.path}")
        kept = keep_models(results.path, wiring.registry(self._settings), results.done)
        for model in kept:
            self._tell_kept(model)
        if not kept:
            self._say("There is no model with a checkpoint in them, so none is registered.")
        if (failure := results.failure) is not None:
            raise failure

    def _tell_kept(self, model: KeptModel, more: str = "") -> None:
        self._emit(
            "kept",
            model_id=model.model_id,
            model_type=model.model_type,
            folder=str(model.folder),
            size_bytes=model.size_bytes,
        )
        self._say(f"Model {model.model_id} ({model.model_type}) is registered: {model.folder}{more}")

    def _through_s3(self) -> None:
        if self._order.gui is not None:
            self._say("--controller-port and --publish-port hold for jobs over WebRTC only.")
        wish = self._order.place.wish
        if wish.says_which or wish.min_gpu_memory_mb:
            self._say("Through S3 whichever worker of the room is free first takes the job.")
        sent = self._upload(self._order.package, self._order.request)
        if sent.job_id is None:
            raise InputError(message="The upload carries no job.")
        self._follow(sent.job_id)

    def _follow(self, job_id: str) -> None:
        """See to the end of a job that waits in the room, and have its models here."""
        note(of_job(self._room_id, job_id))
        if self._order.detach:
            self._say(f"The job goes on by itself: sleap-rtc jobs logs -f {job_id} -r {self._room_id}")
            return
        try:
            job = follow_live(self._settings, self._service, self._room_id, job_id, self._json)
        except KeyboardInterrupt:
            self._say(goes_on(self._room_id, job_id))
            raise
        if job is None:
            self._say(goes_on(self._room_id, job_id))
            return
        check_end(job)
        for model in job.made:
            self._pull(model.model_id)

    def _show(self, decision: Decision) -> None:
        cost = decision.cost
        self._emit(
            "transport",
            transport=decision.transport.value,
            reason=decision.reason,
            webrtc_usd=round(cost.webrtc_usd, 6),
            s3_usd=round(cost.s3_usd, 6),
        )
        self._say(f"{_TITLES[decision.transport]}: {decision.reason}")

    def _upload(self, package: Path, request: JobRequest) -> Uploaded:
        uploader = wiring.uploader(self._service, self._settings, self._say)
        with self._bar(f"Uploading {package.name}") as bar:
            sent = uploader.upload(package, self._room_id, request, bar)
        tell_usage(self._service, self._room_id, sent.job_id)
        self._emit("uploaded", **asdict(sent))
        resumed = f", {human_bytes(sent.resumed_bytes)} from an earlier run" if sent.resumed_bytes else ""
        parts = "" if sent.already_present else f" in {sent.parts} parts{resumed}"
        self._say(f"{sent.path}\n{human_bytes(sent.size_bytes)}{parts}, {sent.checksum}\njob {sent.job_id}")
        return sent

    def _pull(self, model_id: str) -> None:
        registry = wiring.registry(self._settings)
        bringing = {"sleap_rtc.content": "model", "sleap_rtc.model.id": model_id}
        with child(PULL_MODEL, bringing) as span, self._bar(f"Pulling model {model_id}") as bar:
            peers_of = wiring.peers_of(self._settings, self._room_id)
            traffic = wiring.traffic(self._settings)
            pulled = pull_model(
                self._service, registry, self._room_id, model_id, None, bar, peers_of, traffic
            )
            if span:
                span.note({"sleap_rtc.size": pulled.model.storage.size_bytes})
        tell_usage(self._service, self._room_id, pulled.model.training.job_id)
        model, folder = pulled.model, pulled.folder
        self._emit("pulled", model_id=model.id, folder=str(folder), size_bytes=model.storage.size_bytes)
        self._say(f"Model {model.id} ({model.training.trainer}) is verified and registered: {folder}")

    def _bar(self, title: str) -> AbstractContextManager[ProgressHook]:
        return self._json.transfer() if self._json else transfer_bar(title)

    def _say(self, text: str) -> None:
        if not self._json:
            console.print(text, markup=False)

    def _emit(self, kind: str, **values: Any) -> None:
        if self._json:
            self._json.tell(kind, **values)


_TITLES = {Transport.WEBRTC: "Over WebRTC", Transport.S3: "Through S3"}
