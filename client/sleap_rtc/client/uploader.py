"""Orchestration: sends a file to a room over presigned URLs, and goes on where an earlier run was cut.

Before anything is sent, what an earlier run left is compared with the file (size, and the CRC of every part
that S3 acknowledged) and with what S3 holds. Only what agrees in all three is kept. A file whose bytes the
room has already is not sent at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.events.api import (
    CompleteUpload,
    PartToSignView,
    RequestUpload,
    SentPartView,
    SignParts,
    SubmitJob,
)
from sleap_rtc.storage.checksum import crc_of_stream, from_text, to_header, to_text
from sleap_rtc.storage.errors import FileChanged, FileUnreadable, InputError, NotFound, SleapRtcError
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.upload_engine import UploadEngine
from sleap_rtc.storage.upload_state import FileIdentity, UploadHeader, UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import DatasetView, UploadStatus
    from sleap_rtc.events.jobs import JobRequest
    from sleap_rtc.storage.upload_session import PartToSign, SentPart


@dataclass(frozen=True)
class Uploaded:
    """A file that is in the room; in no parts where it was `already_present`, so that nothing was sent."""

    upload_id: str
    job_id: str | None
    path: str
    size_bytes: int
    checksum: str
    parts: int
    resumed_bytes: int
    already_present: bool = False


class ServiceSession:
    """An upload session whose URLs the service signs."""

    def __init__(self, service: ServiceClient, upload_id: str) -> None:
        self._service = service
        self._upload_id = upload_id

    def sign(self, parts: Sequence[PartToSign]) -> Mapping[int, str]:
        """Return a URL for each part."""
        asked = [
            PartToSignView(number=part.number, length=part.length, checksum=to_header(part.crc))
            for part in parts
        ]
        return self._service.sign_parts(self._upload_id, SignParts(parts=asked)).urls

    def complete(self, parts: Sequence[SentPart], crc: int) -> None:
        """Make the object of the parts."""
        listed = [
            SentPartView(number=part.number, length=part.length, checksum=to_header(part.crc), etag=part.etag)
            for part in parts
        ]
        self._service.complete_upload(
            CompleteUpload(upload_id=self._upload_id, checksum=to_header(crc), parts=listed)
        )


class S3Uploader:
    """Sends files to rooms.

    Args:
        service: opens uploads and signs their parts.
        largest_part_bytes: upper bound of a part (`multipart_chunk_size`).
        threads: upper bound of parts under way at once (`max_concurrent_parts`).
        say: called with a sentence when something is done that the user did not ask for.
    """

    def __init__(
        self,
        service: ServiceClient,
        largest_part_bytes: int,
        threads: int,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._service = service
        self._largest_part_bytes = largest_part_bytes
        self._threads = threads
        self._say = say

    def upload(
        self,
        path: Path,
        room_id: str,
        job: JobRequest | None = None,
        on_progress: ProgressHook = no_progress,
    ) -> Uploaded:
        """Bring a file to a room; the job, if there is one, is dispatched by its arrival.

        If the room has the same bytes already, under whatever name, nothing is sent and the job is submitted
        for those.

        Raises:
            FileMissing, FileUnreadable, FileChanged, FileInUse: see there.
            NotFound: there is no such room.
            TransferFailed: cut off; the same call goes on from what was acknowledged.
        """
        identity = FileIdentity.of(path)
        if identity.size_bytes == 0:
            raise InputError(message=f"{path} is empty.")
        with UploadState(path) as state:
            status = self._resumable(path, identity, state, room_id, job)
            if status is None:
                present = self._present(path, identity, room_id)
                if present is not None:
                    state.forget()
                    return self._use(present, path, room_id, job)
                self._begin(path, identity, state, room_id, job)
            header = state.header
            if header is None:
                raise AssertionError("an upload was begun")
            if status is not None and status.state == "completed":
                state.forget()
                done = TransferProgress(status.size_bytes, status.size_bytes, status.size_bytes)
                on_progress(done)
                return _uploaded(status, header, status.size_bytes)
            resumed = sum(part.length for part in state.parts.values())
            engine = UploadEngine(
                path,
                header.plan,
                ServiceSession(self._service, header.upload_id),
                done=state.parts.values(),
                threads=self._threads,
                on_part=state.record,
                on_progress=on_progress,
            )
            try:
                crc = engine.run()
            except KeyboardInterrupt:
                self._say("What S3 acknowledged is kept: run the same command again to go on from there.")
                raise
            final = self._service.upload_status(header.upload_id)
            if final.checksum != to_text(crc):
                raise AssertionError("the service completed another file")
            state.forget()
            return _uploaded(final, header, resumed)

    def _present(self, path: Path, identity: FileIdentity, room_id: str) -> DatasetView | None:
        """Return the room's dataset with the bytes of the file, read only if there is one of its size.

        Raises:
            FileChanged: the file was written while it was read.
        """
        candidates = self._service.datasets(room_id, identity.size_bytes)
        if not candidates:
            return None
        checksum = to_text(_crc_of(path, 0, identity.size_bytes))
        if FileIdentity.of(path) != identity:
            raise FileChanged(path=path)
        return next((found for found in candidates if found.checksum == checksum), None)

    def _use(self, present: DatasetView, path: Path, room_id: str, job: JobRequest | None) -> Uploaded:
        job_id = None
        if job is not None:
            asked = SubmitJob(upload_id=present.upload_id, job=job, submission_id=str(ULID()))
            job_id = self._service.submit_job(room_id, asked).job_id
        named = "" if present.file_name == path.name else f" as {present.file_name}"
        self._say(f"{path.name} is already in the room{named}, so nothing was sent.")
        return Uploaded(
            upload_id=present.upload_id,
            job_id=job_id,
            path=present.path,
            size_bytes=present.size_bytes,
            checksum=present.checksum,
            parts=0,
            resumed_bytes=0,
            already_present=True,
        )

    def _begin(
        self, path: Path, identity: FileIdentity, state: UploadState, room_id: str, job: JobRequest | None
    ) -> None:
        plan = plan_parts(identity.size_bytes, self._largest_part_bytes)
        opened = self._service.request_upload(
            RequestUpload(
                room_id=room_id,
                file_name=path.name,
                size_bytes=identity.size_bytes,
                part_size_bytes=plan.part_size_bytes,
                job=job,
            )
        )
        state.begin(
            UploadHeader(
                file=identity,
                part_size_bytes=plan.part_size_bytes,
                service=self._service.url,
                room_id=room_id,
                upload_id=opened.upload_id,
                job=job.model_dump_json() if job else "",
            )
        )

    def _resumable(
        self, path: Path, identity: FileIdentity, state: UploadState, room_id: str, job: JobRequest | None
    ) -> UploadStatus | None:
        """Return the upload to go on with, its parts in `state.parts`; None if there is to be a new one."""
        header = state.header
        if header is None or header.service != self._service.url:
            return None
        try:
            status = self._service.upload_status(header.upload_id)
        except NotFound:
            self._say("The earlier upload is gone; starting again.")
            return None
        wanted = job.model_dump_json() if job else ""
        if header.room_id != room_id or header.job != wanted or header.file.size_bytes != identity.size_bytes:
            self._discard(status, "The file, the room or the job is another one than last time")
            return None
        if status.state in {"aborted", "expired"}:
            self._say(f"The earlier upload was {status.state}; starting again.")
            return None
        if not self._same_bytes(path, state, status):
            self._discard(status, f"{path.name} changed since the last run")
            return None
        return status

    def _same_bytes(self, path: Path, state: UploadState, status: UploadStatus) -> bool:
        """Compare the acknowledged parts with the file and with S3; keep those that agree."""
        header = state.header
        if status.state == "completed":
            return _crc_of(path, 0, status.size_bytes) == from_text(status.checksum)
        for number, part in list(state.parts.items()):
            held = status.parts.get(number)
            lost = status.state == "open" and (held is None or held.etag != part.etag)
            if lost:
                del state.parts[number]
            elif header and _crc_of(path, header.plan.part(number).offset, part.length) != part.crc:
                return False
        return True

    def _discard(self, status: UploadStatus, why: str) -> None:
        self._say(f"{why}; starting again.")
        if status.state == "open":
            try:
                self._service.abort_upload(status.upload_id)
            except SleapRtcError as error:
                self._say(f"The earlier upload could not be aborted: {error}")


def _crc_of(path: Path, offset: int, length: int) -> int:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return crc_of_stream(file, length)[0]
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror or str(error)) from error


def _uploaded(status: UploadStatus, header: UploadHeader, resumed_bytes: int) -> Uploaded:
    return Uploaded(
        upload_id=status.upload_id,
        job_id=status.job_id,
        path=status.path,
        size_bytes=status.size_bytes,
        checksum=status.checksum,
        parts=header.plan.count,
        resumed_bytes=resumed_bytes,
    )
