"""Orchestration: the product over an engine, and uploads that are one request away from their job."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import urllib3

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.api import CompleteUpload, PartToSignView, RequestUpload, SentPartView, SignParts
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.local.stack import External, LocalStack
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import crc64nvme, to_header, to_text
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import MultipartUpload, S3Transfers
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sleap_rtc.events.jobs import Job
    from sleap_rtc.local.child import Child

PART_BYTES = 8 * 1024 * 1024
UPLOADS_BUCKET = "sleap-rtc-uploads"
ROOMS_BUCKET = "sleap-rtc-rooms"
_LOOK_EVERY_S = 0.1
_WITHIN_S = 60.0


class EventStack(LocalStack):
    """A local stack whose sweep stays out of the measurements.

    Attributes:
        more: settings for all of its processes.
        endpoints: other addresses of the engine, by the first word of a process's name.
    """

    more: Mapping[str, str] = {}
    endpoints: Mapping[str, str] = {}

    @property
    def cloud_environment(self) -> dict[str, str]:
        """What the service and the workers need."""
        return {**super().cloud_environment, "SLEAP_RTC_RECONCILE_INTERVAL_S": "3600", **self.more}

    def _run(self, name: str, command: list[str], environment: Mapping[str, str]) -> Child:
        endpoint = self.endpoints.get(name.partition("-")[0])
        there = (
            {"SLEAP_RTC_S3_ENDPOINT_URL": endpoint, "SLEAP_RTC_SQS_ENDPOINT_URL": endpoint}
            if endpoint
            else {}
        )
        return super()._run(name, command, {**environment, **there})


@dataclass(frozen=True)
class Ready:
    """An upload whose one part S3 holds: completing it is all that is left to do."""

    upload_id: str
    job_id: str
    etag: str
    crc: int
    size_bytes: int


class Product:
    """A room of a running stack.

    Args:
        folder: where everything lies.
        engine_url: the engine.
        more: settings for the service and the workers.
        endpoints: see `EventStack`.
    """

    def __init__(
        self,
        folder: Path,
        engine_url: str,
        more: Mapping[str, str] | None = None,
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        self.stack = EventStack(folder, External(engine_url))
        self.stack.more = {"HOME": str(folder), **(more or {})}
        self.stack.endpoints = endpoints or {}
        s3 = s3_client("us-east-1", engine_url)
        self._transfers = S3Transfers(s3, UPLOADS_BUCKET)
        rooms = S3ObjectStore(s3, ROOMS_BUCKET)
        self._records = Documents(rooms, UploadRecord)
        self._jobs = JobStore(rooms)
        self._http = urllib3.PoolManager(retries=False)
        self.room_id = ""

    def open_room(self) -> None:
        """Open the room; the stack runs by now."""
        token = self.stack.client_environment["SLEAP_RTC_TOKEN"]
        self.client = ServiceClient(self.stack.service_url, token)
        self.room_id = self.client.create_room("Bench").room_id

    def upload(self, content: bytes, overrides: Mapping[str, str] | None = None) -> Ready:
        """Send a dataset of one part, up to its completion."""
        crc = crc64nvme(content)
        request = RequestUpload(
            room_id=self.room_id,
            file_name="bench.zip",
            size_bytes=len(content),
            part_size_bytes=PART_BYTES,
            job=JobRequest(overrides=dict(overrides or {})),
        )
        opened = self.client.request_upload(request)
        part = PartToSignView(number=1, length=len(content), checksum=to_header(crc))
        (url,) = self.client.sign_parts(opened.upload_id, SignParts(parts=[part])).urls.values()
        headers = {"x-amz-checksum-crc64nvme": to_header(crc), "Content-Length": str(len(content))}
        etag = self._http.request("PUT", url, body=content, headers=headers).headers["ETag"]
        return Ready(opened.upload_id, opened.job_id or "", etag, crc, len(content))

    def complete(self, ready: Ready) -> datetime:
        """Ask the service to complete an upload; return when the request was about to be sent."""
        part = SentPartView(number=1, length=ready.size_bytes, checksum=to_header(ready.crc), etag=ready.etag)
        request = CompleteUpload(upload_id=ready.upload_id, checksum=to_header(ready.crc), parts=[part])
        begun = datetime.now(UTC)
        self.client.complete_upload(request)
        return begun

    def complete_at_s3(self, ready: Ready) -> datetime:
        """Complete an upload at S3 and tell nobody; return when the request was about to be sent."""
        upload = keys.parse_upload_id(ready.upload_id)
        record = self._records.change(
            keys.upload_record_key(upload),
            lambda present: present.model_copy(
                update={"state": "completing", "checksum": to_text(ready.crc)}
            ),
        ).value
        multipart = MultipartUpload(record.s3_upload_id, record.whole_checksum)
        part = SentPart(1, ready.size_bytes, ready.crc, ready.etag)
        begun = datetime.now(UTC)
        self._transfers.complete(str(upload), multipart, [part], ready.crc, ready.size_bytes)
        return begun

    def ended(self, ready: Ready, within_s: float = _WITHIN_S) -> Job:
        """Wait until the upload's job has ended; return it, read from the engine itself.

        Raises:
            TimeoutError: it takes too long.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                job = self._jobs.get(self.room_id, ready.job_id)
            except NotFound:
                pass
            else:
                if job.ended:
                    return job
            time.sleep(_LOOK_EVERY_S)
        raise TimeoutError(f"job {ready.job_id} did not end within {within_s:.0f} s")

    def pull(self, model_id: str) -> None:
        """Read the files of a model as a client does."""
        for file in self.client.request_download(self.room_id, model_id).files:
            self._http.request("GET", file.url)


def random_bytes(size_bytes: int) -> bytes:
    """Return a dataset that the room does not have yet."""
    return os.urandom(size_bytes)
