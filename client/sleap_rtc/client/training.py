"""Orchestration: what `client-train` does, step by step: upload, follow, pull."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sleap_rtc.client import wiring
from sleap_rtc.client.display import JsonWatcher, TextWatcher, console, human_bytes, transfer_bar
from sleap_rtc.client.follow import follow
from sleap_rtc.client.job_errors import check_end
from sleap_rtc.client.job_words import goes_on
from sleap_rtc.client.pull import pull_model
from sleap_rtc.storage.errors import InputError
from sleap_rtc.storage.upload_state import FileIdentity

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sleap_rtc.client.uploader import Uploaded
    from sleap_rtc.events.jobs import JobRequest
    from sleap_rtc.storage.progress import ProgressHook


class TrainSession:
    """One run of `client-train` in one room."""

    def __init__(self, room_id: str, *, limit: str, as_json: bool) -> None:
        self._room_id = room_id
        self._json = JsonWatcher() if as_json else None
        self._settings = wiring.settings_for(limit)
        self._service = wiring.service_client(self._settings)

    def run(self, package: Path, request: JobRequest, *, detach: bool) -> None:
        """Upload the package, follow its job and pull the model.

        With `detach` it returns as soon as the dataset is in the room: the rest happens without us.

        Raises:
            JobHasFailed: the job ended without a model.
            JobWasCancelled: somebody cancelled it.
        """
        FileIdentity.of(package)  # say so before anything is announced
        sent = self._upload(package, request)
        if sent.job_id is None:
            raise InputError(message="The upload carries no job.")
        if detach:
            self._say(f"The job goes on by itself: sleap-rtc jobs logs -f {sent.job_id} -r {self._room_id}")
            return
        try:
            job = follow(self._service, self._room_id, sent.job_id, self._json or TextWatcher())
        except KeyboardInterrupt:
            self._say(goes_on(self._room_id, sent.job_id))
            raise
        check_end(job)
        if job.model_id:
            self._pull(job.model_id)

    def _upload(self, package: Path, request: JobRequest) -> Uploaded:
        uploader = wiring.uploader(self._service, self._settings, self._say)
        self._say(f"Bringing {package.name} to the room through S3 (presigned multipart upload).")
        with self._bar(f"Uploading {package.name}") as bar:
            sent = uploader.upload(package, self._room_id, request, bar)
        self._emit("uploaded", **asdict(sent))
        resumed = f", {human_bytes(sent.resumed_bytes)} from an earlier run" if sent.resumed_bytes else ""
        parts = "" if sent.already_present else f" in {sent.parts} parts{resumed}"
        self._say(f"{sent.path}\n{human_bytes(sent.size_bytes)}{parts}, {sent.checksum}\njob {sent.job_id}")
        return sent

    def _pull(self, model_id: str) -> None:
        registry = wiring.registry(self._settings)
        with self._bar(f"Pulling model {model_id}") as bar:
            peers_of = wiring.peers_of(self._settings, self._room_id)
            pulled = pull_model(self._service, registry, self._room_id, model_id, None, bar, peers_of)
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
