"""Adapter: checkpoints through the service, which signs their parts; the bytes go straight to S3 and back.

The worker names the job that it holds and a file, never a bucket or key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sleap_rtc.events.api import PartToSignView, SentPartView, SignedParts
from sleap_rtc.events.checkpoint_api import (
    AbortCheckpointFile,
    CompleteCheckpointFile,
    FoundCheckpoint,
    KeepCheckpoint,
    OpenCheckpointFile,
    SignCheckpointParts,
)
from sleap_rtc.events.model_files_api import ModelFileOpened
from sleap_rtc.events.worker_api import Acknowledged
from sleap_rtc.storage.checksum import to_header
from sleap_rtc.storage.download_engine import RemoteObject
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sleap_rtc.events.api import FileDownload
    from sleap_rtc.events.checkpoints import Checkpoint
    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.service_http import ServiceHttp
    from sleap_rtc.storage.keys import CheckpointFolder
    from sleap_rtc.storage.manifest import ModelFile
    from sleap_rtc.storage.upload_session import PartToSign, SentPart


class ServiceCheckpoints:
    """Asks the service with the worker's token; it has to hold the job."""

    def __init__(self, service: ServiceHttp) -> None:
        self._service = service

    def find(self, hold: Hold) -> Checkpoint | None:
        """Return the newest checkpoint of the held job."""
        return self._found(hold).checkpoint

    def source(self, hold: Hold, checkpoint: Checkpoint, file: ModelFile) -> RemoteObject:
        """Return how to download a file."""
        offer = self._offer(hold, checkpoint, file)
        first = iter([offer.url])
        return RemoteObject(
            name=f"The checkpoint's file {file.name}",
            size_bytes=file.size_bytes,
            etag=offer.etag,
            checksum=file.checksum,
            signed_url=lambda: next(first, None) or self._offer(hold, checkpoint, file).url,
        )

    def open(self, folder: CheckpointFolder, file: ModelFile) -> ServiceCheckpointUpload:
        """Open the upload of a file."""
        body = OpenCheckpointFile(
            fencing=folder.fencing,
            slot=folder.slot,
            name=file.name,
            size_bytes=file.size_bytes,
            checksum=file.checksum,
        )
        path = _path(folder.room_id, folder.job_id)
        opened = self._service.ask("POST", f"{path}/open", ModelFileOpened, body)
        return ServiceCheckpointUpload(self._service, folder, file.name, opened)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Let a checkpoint count."""
        body = KeepCheckpoint(fencing=checkpoint.fencing, checkpoint=checkpoint)
        self._service.ask("PUT", _path(checkpoint.room_id, checkpoint.job_id), Acknowledged, body)

    def discard(self, hold: Hold) -> None:
        """The service took nothing more once the job was cancelled, and removed what there was."""

    def _found(self, hold: Hold) -> FoundCheckpoint:
        path = f"{_path(hold.room_id, hold.job_id)}?fencing={hold.fencing}"
        return self._service.ask("GET", path, FoundCheckpoint)

    def _offer(self, hold: Hold, checkpoint: Checkpoint, file: ModelFile) -> FileDownload:
        found = self._found(hold)
        same = found.checkpoint is not None and found.checkpoint.write_id == checkpoint.write_id
        offers = [each for each in found.files if each.name == file.name]
        if not same or not offers:
            raise NotFound(what=f"the checkpoint's file {file.name}")
        return offers[0]


class ServiceCheckpointUpload:
    """One open upload at the service."""

    def __init__(
        self, service: ServiceHttp, folder: CheckpointFolder, name: str, opened: ModelFileOpened
    ) -> None:
        self._service = service
        self._path = _path(folder.room_id, folder.job_id)
        self._folder = folder
        self._name = name
        self._opened = opened

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        body = SignCheckpointParts(
            fencing=self._folder.fencing,
            slot=self._folder.slot,
            name=self._name,
            s3_upload_id=self._opened.s3_upload_id,
            parts=[PartToSignView.of_part(part) for part in parts],
        )
        return self._service.ask("POST", f"{self._path}/sign-parts", SignedParts, body).urls

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts."""
        body = CompleteCheckpointFile(
            fencing=self._folder.fencing,
            slot=self._folder.slot,
            name=self._name,
            s3_upload_id=self._opened.s3_upload_id,
            whole_checksum=self._opened.whole_checksum,
            checksum=to_header(crc),
            parts=[SentPartView.of_sent(part) for part in parts],
        )
        self._service.ask("POST", f"{self._path}/complete", Acknowledged, body)

    def abort(self) -> None:
        """Give the upload up."""
        body = AbortCheckpointFile(
            fencing=self._folder.fencing,
            slot=self._folder.slot,
            name=self._name,
            s3_upload_id=self._opened.s3_upload_id,
        )
        self._service.ask("POST", f"{self._path}/abort", Acknowledged, body)


def _path(room_id: str, job_id: str) -> str:
    return f"/api/rooms/{quote(room_id)}/jobs/{quote(job_id)}/checkpoint"
