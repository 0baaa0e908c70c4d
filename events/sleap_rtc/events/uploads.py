"""Pure: the service's record of one upload, from the first URL to the dispatched job."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sleap_rtc.events.jobs import JobRequest
from sleap_rtc.storage.document import Document
from sleap_rtc.storage.part_plan import PartPlan


class UploadRecord(Document):
    """`{room_id}/uploads/{upload_id}.json`.

    `completing` is written, with the checksum, before S3 is asked to complete: whoever sees the object
    afterwards knows what it has to be, even if the service died in between.
    """

    upload_id: str
    room_id: str
    file_name: str
    size_bytes: int
    part_size_bytes: int
    s3_upload_id: str
    whole_checksum: bool
    created_by: str
    created_at: datetime
    traceparent: str
    job: JobRequest | None = None
    job_id: str | None = None
    state: Literal["open", "completing", "completed", "aborted"] = "open"
    checksum: str = ""
    etag: str = ""

    @property
    def plan(self) -> PartPlan:
        """The part plan, fixed when the upload was opened."""
        return PartPlan(self.size_bytes, self.part_size_bytes)
