"""Orchestration: opens, signs, completes and aborts uploads on behalf of people without credentials.

The caller names a room and sizes, never a bucket or key. What is signed is exactly one part of one upload:
its number, length and checksum.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from ulid import ULID

from sleap_rtc.events.api import HeldPart, UploadStatus
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import UPLOAD_ABORTED, UPLOAD_COMPLETED, UPLOAD_DAMAGED, UPLOAD_OPENED
from sleap_rtc.events.service_facts import UploadChanged
from sleap_rtc.events.trace import kept_or_new
from sleap_rtc.events.tracing import current_traceparent
from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.service.quotas import Quotas
from sleap_rtc.storage import keys
from sleap_rtc.storage.checksum import combine, from_header, to_header, to_text
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import InputError, IntegrityError, NotFound, SleapRtcError
from sleap_rtc.storage.part_plan import PartPlan, accepts
from sleap_rtc.storage.s3_transfers import MultipartUpload
from sleap_rtc.storage.telling import tell
from sleap_rtc.storage.upload_session import SentPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleap_rtc.events.api import CompleteUpload, PartToSignView, RequestUpload
    from sleap_rtc.events.jobs import AnyRequest
    from sleap_rtc.service.identity import Caller
    from sleap_rtc.service.quotas import Quota
    from sleap_rtc.storage.object_store import ObjectInfo, ObjectStore
    from sleap_rtc.storage.s3_transfers import S3Transfers

log = logging.getLogger(__name__)


class Uploads:
    """The uploads of all rooms.

    Args:
        transfers: the uploads bucket.
        objects: the same bucket, to look at what was completed.
        rooms: the rooms bucket, where the records lie.
        of_user: what one person may have open.
        of_room: what may be open in a room.
    """

    def __init__(
        self,
        transfers: S3Transfers,
        objects: ObjectStore,
        rooms: ObjectStore,
        of_user: Quota,
        of_room: Quota,
    ) -> None:
        self._transfers = transfers
        self._objects = objects
        self._rooms = rooms
        self._records = Documents(rooms, UploadRecord)
        self._datasets = DatasetIndex(objects, rooms)
        self._quotas = Quotas(rooms, of_user, of_room, self._is_open)

    def open(self, request: RequestUpload, job: AnyRequest | None, caller: Caller) -> UploadRecord:
        """Open an upload.

        Args:
            request: what is to be uploaded.
            job: what is to be done with it, if anything.
            caller: who asks.

        Raises:
            InputError: S3 would not take an upload cut like this.
            QuotaExceeded: so much is open already.
        """
        why_not = accepts(PartPlan(request.size_bytes, request.part_size_bytes))
        if why_not:
            raise InputError(message=f"This upload cannot be opened: {why_not}.")
        upload = keys.UploadKey(request.room_id, f"{request.room_id}-{ULID()}")
        job_id = str(ULID()) if job else None
        traceparent = kept_or_new(request.traceparent or current_traceparent())
        metadata = {
            "upload-id": upload.upload_id,
            "job-id": job_id or "",
            "file-name": quote(request.file_name),
            "traceparent": traceparent,
        }
        self._quotas.take(upload, request.size_bytes, caller.subject)
        try:
            opened = self._transfers.create(str(upload), request.content_type, metadata)
        except SleapRtcError:
            with suppress(SleapRtcError):
                self._quotas.give_back(upload, request.size_bytes, caller.subject)
            raise
        record = UploadRecord(
            upload_id=upload.upload_id,
            room_id=upload.room_id,
            file_name=request.file_name,
            size_bytes=request.size_bytes,
            part_size_bytes=request.part_size_bytes,
            content_type=request.content_type,
            s3_upload_id=opened.s3_upload_id,
            whole_checksum=opened.whole_checksum,
            created_by=caller.subject,
            created_at=datetime.now(UTC),
            traceparent=traceparent,
            job=job,
            job_id=job_id,
        )
        self._records.create(keys.upload_record_key(upload), record)
        tell(UploadChanged("opened"))
        log_event(
            log,
            UPLOAD_OPENED,
            upload_id=record.upload_id,
            size_bytes=record.size_bytes,
            parts=record.plan.count,
            room_id=record.room_id,
            job_id=job_id or "",
        )
        return record

    def record(self, upload_id: str) -> UploadRecord:
        """Return the record of an upload.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._records.read(keys.upload_record_key(keys.parse_upload_id(upload_id))).value
        except (NotFound, InputError):
            raise NotFound(what=f"upload {upload_id}") from None

    def list(self, room_id: str) -> list[UploadRecord]:
        """Return the room's uploads, oldest first."""
        found = self._rooms.list(keys.upload_records_prefix(room_id))
        return [self._records.read(info.key).value for info in found]

    def sign(self, record: UploadRecord, parts: Sequence[PartToSignView]) -> dict[int, str]:
        """Return a URL for each part.

        Raises:
            InputError: a part is not one of the plan, or the upload is not open.
        """
        if record.state != "open":
            raise InputError(message=f"Upload {record.upload_id} is {record.state}; it takes no parts.")
        for part in parts:
            if part.number > record.plan.count or record.plan.part(part.number).length != part.length:
                raise InputError(message=f"Part {part.number} of {part.length} bytes is not in the plan.")
        key = str(keys.UploadKey(record.room_id, record.upload_id))
        return {
            part.number: self._transfers.sign_part(
                key, record.s3_upload_id, part.number, part.length, from_header(part.checksum)
            )
            for part in parts
        }

    def status(self, record: UploadRecord) -> UploadStatus:
        """Return how far an upload is, asking S3 which parts it holds."""
        upload = keys.UploadKey(record.room_id, record.upload_id)
        state, held = record.state, {}
        if state == "open":
            try:
                held = self._transfers.list_parts(str(upload), record.s3_upload_id)
            except NotFound:
                return self._view(record).model_copy(update={"state": "expired"})
        parts = {number: HeldPart(etag=etag, size_bytes=size) for number, (etag, size) in held.items()}
        return self._view(record).model_copy(update={"parts": parts})

    def _view(self, record: UploadRecord) -> UploadStatus:
        upload = keys.UploadKey(record.room_id, record.upload_id)
        return UploadStatus(
            upload_id=record.upload_id,
            room_id=record.room_id,
            file_name=record.file_name,
            size_bytes=record.size_bytes,
            part_size_bytes=record.part_size_bytes,
            state=record.state,
            created_at=record.created_at,
            checksum=record.checksum,
            job_id=record.jobs[0].job_id if record.jobs else None,
            path=f"s3://{self._transfers.bucket}/{upload}",
            traceparent=record.traceparent,
            noticed_at=record.noticed_at,
        )

    def complete(self, record: UploadRecord, request: CompleteUpload) -> UploadStatus:
        """Make the object of its parts; asking again after a lost reply gives the same answer.

        Raises:
            IntegrityError: the parts do not make up the file that was announced.
            NotFound: the upload was aborted or has expired.
        """
        sent = [SentPart(p.number, p.length, from_header(p.checksum), p.etag) for p in request.parts]
        crc = combine((part.crc, part.length) for part in sent)
        self._check(record, sent, crc, request.checksum)
        if record.state == "completed":
            return self._view(record)
        upload = keys.UploadKey(record.room_id, record.upload_id)
        record_key = keys.upload_record_key(upload)
        self._datasets.begin(upload)
        completing = self._records.change(
            record_key, lambda present: _completing(present, to_text(crc))
        ).value
        multipart = MultipartUpload(record.s3_upload_id, record.whole_checksum)
        try:
            self._transfers.complete(str(upload), multipart, sent, crc, record.size_bytes)
            made = self._made(upload, record)
        except NotFound:
            made = self._made(upload, record)  # by an earlier call whose reply was lost
        except IntegrityError as error:
            self._records.change(record_key, _reopened)
            damaged = record.upload_id
            log_event(log, UPLOAD_DAMAGED, upload_id=damaged, reason=str(error), room_id=record.room_id)
            raise
        done = self._view(self._datasets.settle(completing, made.etag))
        self._count_no_more(record)
        tell(UploadChanged("completed"))
        log_event(
            log,
            UPLOAD_COMPLETED,
            upload_id=record.upload_id,
            size_bytes=record.size_bytes,
            seconds=(datetime.now(UTC) - record.created_at).total_seconds(),
            room_id=record.room_id,
            job_id=record.job_id or "",
        )
        return done

    def _made(self, upload: keys.UploadKey, record: UploadRecord) -> ObjectInfo:
        """Return the object, if it is what the upload was opened for.

        Raises:
            NotFound: there is none, or another one.
            IntegrityError: it is this upload's, and of another size or type than was announced.
        """
        found = self._objects.head(str(upload))
        if found.metadata.get("upload-id") != record.upload_id:
            raise NotFound(what=f"upload {record.upload_id}")
        announced = (record.size_bytes, record.content_type or found.content_type)
        if (found.size_bytes, found.content_type) != announced:
            self._objects.delete(str(upload))
            expected, came = f"{announced}", f"{(found.size_bytes, found.content_type)}"
            raise IntegrityError(what=record.file_name, expected=expected, found=came)
        return found

    def _count_no_more(self, record: UploadRecord) -> None:
        upload = keys.UploadKey(record.room_id, record.upload_id)
        self._quotas.give_back(upload, record.size_bytes, record.created_by)

    def _is_open(self, upload: keys.UploadKey) -> bool:
        try:
            return self._records.read(keys.upload_record_key(upload)).value.state in {"open", "completing"}
        except NotFound:
            return True

    def _check(self, record: UploadRecord, sent: Sequence[SentPart], crc: int, announced: str) -> None:
        plan = record.plan
        cut = [(part.number, part.length) for part in sent]
        if cut != [(part.number, part.length) for part in plan.parts()]:
            raise InputError(message="The parts listed are not those of the plan.")
        completed_as = to_text(crc) if record.state != "completed" else record.checksum
        if to_header(crc) != announced or to_text(crc) != completed_as:
            raise IntegrityError(what=record.file_name, expected=announced, found=to_header(crc))

    def abort(self, record: UploadRecord) -> UploadStatus:
        """Give an upload up and free its parts.

        Raises:
            InputError: it is complete already.
        """
        if record.state in {"completing", "completed"}:
            raise InputError(message=f"Upload {record.upload_id} is complete; there is nothing to abort.")
        upload = keys.UploadKey(record.room_id, record.upload_id)
        self._transfers.abort(str(upload), record.s3_upload_id)
        changed = self._records.change(keys.upload_record_key(upload), _aborted)
        if record.state != "aborted":
            tell(UploadChanged("aborted"))
        self._count_no_more(record)
        given_up, room_id = record.upload_id, record.room_id
        log_event(log, UPLOAD_ABORTED, upload_id=given_up, room_id=room_id, size_bytes=record.size_bytes)
        return self._view(changed.value)


def _completing(record: UploadRecord, checksum: str) -> UploadRecord:
    if record.state == "completed":
        return record
    return record.model_copy(update={"state": "completing", "checksum": checksum})


def _reopened(record: UploadRecord) -> UploadRecord:
    return record.model_copy(update={"state": "open", "checksum": ""})


def _aborted(record: UploadRecord) -> UploadRecord:
    return record.model_copy(update={"state": "aborted"})
