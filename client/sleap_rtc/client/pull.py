"""Orchestration: brings a model of a room to this machine and into the local registry."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sleap_rtc.storage.download_engine import RemoteObject, download
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.progress_guard import GuardedHook

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.client.model_registry import ClientModelRegistry
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import FileDownload
    from sleap_rtc.storage.manifest import ManifestModel


def pull_model(
    service: ServiceClient,
    registry: ClientModelRegistry,
    room_id: str,
    name: str,
    folder: Path | None = None,
    on_progress: ProgressHook = no_progress,
) -> tuple[ManifestModel, Path]:
    """Download a model's files, verify each against the manifest's checksum, and register the model.

    Args:
        service: signs the URLs.
        registry: where the model is entered.
        room_id: the room.
        name: the model's id or alias.
        folder: where the model's folder is made; the registry's own folder if None.
        on_progress: called as bytes are verified.

    Raises:
        NotFound: the room has no such model.
        IntegrityError: a file is not what was published; the model is not registered.
        DiskFull: there is no room for it.
    """
    offer = service.request_download(room_id, name)
    model = offer.model
    target = (folder or registry.models_dir) / f"{model.model_type}_{model.id}"
    total = sum(file.size_bytes for file in offer.files)
    together = _Together(total, GuardedHook(on_progress))
    for file in offer.files:
        _fetch(service, room_id, name, file, target / file.name, together.step)
        together.end_of_file(file.size_bytes)
    registry.register(_entry(model, target))
    return model, target


class _Together:
    """The progress of several files as that of one transfer."""

    def __init__(self, total_bytes: int, report: ProgressHook) -> None:
        self._total_bytes = total_bytes
        self._report = report
        self._before = TransferProgress(0, total_bytes)
        self._resumed_bytes = 0

    def step(self, progress: TransferProgress) -> None:
        """Report what is done of the present file."""
        self._resumed_bytes = self._before.resumed_bytes + progress.resumed_bytes
        done = self._before.done_bytes + progress.done_bytes
        self._report(TransferProgress(done, self._total_bytes, self._resumed_bytes, progress.trouble))

    def end_of_file(self, size_bytes: int) -> None:
        """Report that the present file is whole, and go on to the next one."""
        done = self._before.done_bytes + size_bytes
        self._before = TransferProgress(done, self._total_bytes, self._resumed_bytes)
        self._report(self._before)


def _fetch(
    service: ServiceClient,
    room_id: str,
    name: str,
    file: FileDownload,
    target: Path,
    on_progress: ProgressHook,
) -> None:
    fresh = iter([file.url])

    def signed_url() -> str:
        first = next(fresh, None)
        if first is not None:
            return first
        again = service.request_download(room_id, name)
        for offered in again.files:
            if offered.name == file.name and offered.checksum == file.checksum:
                return offered.url
        raise NotFound(what=f"file {file.name} of model {name}")

    source = RemoteObject(
        name=f"The model file {file.name}",
        size_bytes=file.size_bytes,
        etag=file.etag,
        checksum=file.checksum,
        signed_url=signed_url,
    )
    download(source, target, on_progress=on_progress)


def _entry(model: ManifestModel, folder: Path) -> dict[str, object]:
    checkpoint = next((file.name for file in model.storage.files if file.name.endswith(".ckpt")), None)
    return {
        "id": model.id,
        "model_type": model.model_type,
        "alias": model.alias,
        "source": "worker-pull",
        "local_path": str(folder),
        "checkpoint_path": str(folder / checkpoint) if checkpoint else None,
        "tags": list(model.tags),
        "notes": model.notes,
        "metrics": {key: value for key, value in model.training.metrics.items() if key != "curve"},
        "downloaded_at": datetime.now().astimezone().replace(tzinfo=None).isoformat(),
    }
