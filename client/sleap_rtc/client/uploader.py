"""Orchestration: sends a file to a room over presigned URLs, and goes on where an earlier run was cut.

What of an earlier run can be gone on with is `resume`'s matter, the bytes are the upload engine's. A file
whose bytes the room has already is not sent at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ulid import ULID

from sleap_rtc.client.resume import Wanted, crc_of_file, resumable
from sleap_rtc.client.service_session import ServiceSession
from sleap_rtc.events.api import RequestUpload, SubmitJob
from sleap_rtc.events.span_table import UPLOAD_DATASET, of_job
from sleap_rtc.events.tracing import child, current, current_traceparent
from sleap_rtc.storage.bandwidth import BandwidthLimit, Throttle
from sleap_rtc.storage.checksum import to_text
from sleap_rtc.storage.errors import FileChanged, InputError
from sleap_rtc.storage.part_commands import Tally
from sleap_rtc.storage.part_plan import plan_parts
from sleap_rtc.storage.progress import ProgressHook, TransferProgress, no_progress
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.storage.upload_engine import UploadEngine
from sleap_rtc.storage.upload_state import FileIdentity, UploadHeader, UploadState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.events.api import DatasetView, UploadStatus
    from sleap_rtc.events.jobs import AskedRequest
    from sleap_rtc.events.spans import Value


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
    tally: Tally = field(default_factory=Tally)


class S3Uploader:
    """Sends files to rooms.

    Args:
        service: opens uploads and signs their parts.
        largest_part_bytes: upper bound of a part (`multipart_chunk_size`).
        threads: upper bound of parts under way at once (`max_concurrent_parts`).
        say: called with a sentence when something is done that the user did not ask for.
        bandwidth_limit: bytes per second that all parts together may take; 0 for no limit.
        traffic: is told of requests and bytes.
    """

    def __init__(
        self,
        service: ServiceClient,
        largest_part_bytes: int,
        threads: int,
        say: Callable[[str], None] = lambda _: None,
        bandwidth_limit: int = 0,
        traffic: Traffic = SILENT,
    ) -> None:
        self._service = service
        self._largest_part_bytes = largest_part_bytes
        self._threads = threads
        self._say = say
        self._unnoted = False
        self._traffic = traffic.of("dataset")
        self._throttle = Throttle(BandwidthLimit(bandwidth_limit)) if bandwidth_limit else None

    def upload(
        self,
        path: Path,
        room_id: str,
        job: AskedRequest | None = None,
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
        sending: dict[str, Value] = {"sleap_rtc.content": "dataset", "sleap_rtc.size": identity.size_bytes}
        with child(UPLOAD_DATASET, sending) as span:
            sent = self._upload(path, identity, room_id, job, on_progress)
            if span:
                span.note(_of(room_id, sent))
            return sent

    def _upload(
        self,
        path: Path,
        identity: FileIdentity,
        room_id: str,
        job: AskedRequest | None,
        on_progress: ProgressHook,
    ) -> Uploaded:
        with UploadState(path) as state:
            wanted = Wanted(path, identity.size_bytes, room_id, job.model_dump_json() if job else "")
            status = resumable(self._service, state, wanted, self._say, on_progress)
            if status is None:
                present = self._present(path, identity, room_id)
                if present is not None:
                    state.forget()
                    return self._use(present, path, room_id, job)
                self._begin(path, identity, state, room_id, job)
            elif (span := current()) is not None:
                span.link(status.traceparent)
                span.note(of_job(room_id, status.job_id or ""))
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
                throttle=self._throttle,
                on_part=lambda part: self._noted(lambda: state.record(part)),
                on_progress=on_progress,
                traffic=self._traffic,
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
            return replace(_uploaded(final, header, resumed), tally=engine.tally)

    def _present(self, path: Path, identity: FileIdentity, room_id: str) -> DatasetView | None:
        """Return the room's dataset with the bytes of the file, read only if there is one of its size.

        Raises:
            FileChanged: the file was written while it was read.
        """
        candidates = self._service.datasets(room_id, identity.size_bytes)
        if not candidates:
            return None
        checksum = to_text(crc_of_file(path, 0, identity.size_bytes))
        if FileIdentity.of(path) != identity:
            raise FileChanged(path=path)
        return next((found for found in candidates if found.checksum == checksum), None)

    def _use(self, present: DatasetView, path: Path, room_id: str, job: AskedRequest | None) -> Uploaded:
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
        self, path: Path, identity: FileIdentity, state: UploadState, room_id: str, job: AskedRequest | None
    ) -> None:
        plan = plan_parts(identity.size_bytes, self._largest_part_bytes)
        opened = self._service.request_upload(
            RequestUpload(
                room_id=room_id,
                file_name=path.name,
                size_bytes=identity.size_bytes,
                part_size_bytes=plan.part_size_bytes,
                job=job,
                traceparent=current_traceparent(),
            )
        )
        if (span := current()) is not None:
            span.note(of_job(room_id, opened.job_id or ""))
        header = UploadHeader(
            file=identity,
            part_size_bytes=plan.part_size_bytes,
            service=self._service.url,
            room_id=room_id,
            upload_id=opened.upload_id,
            job=job.model_dump_json() if job else "",
        )
        self._noted(lambda: state.begin(header))

    def _noted(self, note: Callable[[], None]) -> None:
        """Write to the state file; a disk that takes no more costs the resumption, not the upload."""
        try:
            note()
        except OSError as error:
            if not self._unnoted:
                why = error.strerror or str(error)
                self._say(f"What S3 acknowledges cannot be noted ({why}): a cut would cost it.")
            self._unnoted = True


def _of(room_id: str, sent: Uploaded) -> dict[str, Value]:
    return {
        **of_job(room_id, sent.job_id or ""),
        "sleap_rtc.upload.id": sent.upload_id,
        "sleap_rtc.resumed": sent.resumed_bytes,
        "sleap_rtc.parts": sent.parts,
    }


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
