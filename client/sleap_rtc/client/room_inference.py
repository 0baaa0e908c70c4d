"""Orchestration: an inference by whichever worker of the room is free first: data through S3, a job, and the
predictions back.

Models that the room has go by their names, and the worker brings them. Where one lies on this machine alone,
data and models travel together, in the package that workers of the existing tool get.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleap_rtc.client import wiring
from sleap_rtc.client.asking import may_be_replaced
from sleap_rtc.client.display import console, human_bytes, transfer_bar
from sleap_rtc.client.follow_live import follow_live
from sleap_rtc.client.job_errors import check_end
from sleap_rtc.client.job_results import bring_results, check_free
from sleap_rtc.client.job_words import goes_on
from sleap_rtc.client.track_models import TrackModels
from sleap_rtc.events.inference import AskInference, TrackOptions
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sleap_rtc.client.display import JsonWatcher
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.client.track_order import TrackOrder
    from sleap_rtc.settings import Settings
    from sleap_rtc.storage.progress import ProgressHook


class RoomInference:
    """One inference through the room.

    Args:
        settings: where everything is.
        service: of the room.
        order: what is wanted.
        out: prints JSON lines; without it a person reads.
    """

    def __init__(
        self, settings: Settings, service: ServiceClient, order: TrackOrder, out: JsonWatcher | None
    ) -> None:
        self._settings = settings
        self._service = service
        self._order = order
        self._room_id = order.place.room_id
        self._output = order.output.absolute()
        self._json = out

    def run(self) -> None:
        """Have the predictions here; with `detach`, have the job in the room.

        Raises:
            ResultInTheWay: another file lies where they are to lie.
            NotFound: there is no such model.
            JobHasFailed: the job ended without predictions; JobWasCancelled, since somebody cancelled it.
        """
        order = self._order
        agreed = self._output.exists()
        if not order.detach:
            check_free(self._output, lambda path: order.replace or may_be_replaced(path, ask=not self._json))
        job_id = self._submitted()
        if order.detach:
            self._say(f"The job goes on by itself; {self._brought_later(job_id)}")
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
        self._bring(job_id, replace=agreed)

    def _submitted(self) -> str:
        with self._sendable() as (path, request):
            uploader = wiring.uploader(self._service, self._settings, self._say)
            with self._bar(f"Uploading {path.name}") as bar:
                sent = uploader.upload(path, self._room_id, request, bar)
        self._emit("uploaded", **asdict(sent))
        if sent.job_id is None:
            raise InputError(message="The upload carries no job.")
        self._say(f"{human_bytes(sent.size_bytes)}, {sent.checksum}\njob {sent.job_id}")
        return sent.job_id

    @contextmanager
    def _sendable(self) -> Iterator[tuple[Path, AskInference]]:
        """Yield the file to be sent, and what is asked for."""
        order = self._order
        models = TrackModels(self._settings, self._service, order)
        if not order.is_package and models.all_of_room():
            asked = AskInference(trainer=order.trainer, options=order.options, models=order.models)
            yield order.data, asked
            return
        if not order.is_package:
            self._say("A model lies on this machine alone, so data and models are sent together.")
        # Which frames are meant stands in the package's script.
        options = TrackOptions.model_validate({**order.options.model_dump(), "frames": "all"})
        with tempfile.TemporaryDirectory(prefix="sleap-rtc-track-") as folder:
            yield models.packaged(Path(folder)), AskInference(trainer=order.trainer, options=options)

    def _bring(self, job_id: str, *, replace: bool) -> None:
        with self._bar("Bringing the predictions") as bar:
            traffic = wiring.traffic(self._settings)
            brought = bring_results(
                self._service, self._room_id, job_id, self._places, lambda _: replace, bar, traffic
            )
        for result in brought:
            self._emit(
                "results", path=str(result.path), size_bytes=result.size_bytes, checksum=result.checksum
            )
            self._say(f"The predictions are here, verified: {result.path}")

    def _places(self, names: Sequence[str]) -> Sequence[Path]:
        """The only file lies where it is wanted; several lie beside that place under their own names."""
        return [self._output] if len(names) == 1 else [self._output.parent / name for name in names]

    def _brought_later(self, job_id: str) -> str:
        return (
            f"`sleap-rtc jobs results {job_id} -r {self._room_id}` brings the predictions when it has ended."
        )

    def _bar(self, title: str) -> AbstractContextManager[ProgressHook]:
        return self._json.transfer() if self._json else transfer_bar(title)

    def _say(self, text: str) -> None:
        if not self._json:
            console.print(text, markup=False)

    def _emit(self, kind: str, **values: Any) -> None:
        if self._json:
            self._json.tell(kind, **values)
