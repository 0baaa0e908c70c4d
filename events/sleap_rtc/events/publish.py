"""Orchestration: a model's `model.json` puts the model into the room's manifest and ends its job.

Whatever the notice says is checked against the objects: every file has to be there with its size, the id has
to be that of the content, and the worker has to hold the job's newest fencing number. A job ends with the
last of its models, once all of them stand in the manifest. A model that somebody pushed has no job, and
nothing to end; nor has one that a worker left behind of a job that goes on.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sleap_rtc.events import job_steps, tracing
from sleap_rtc.events.event_facts import ModelPublished
from sleap_rtc.events.jobs import JobModel, LeaseLost, OutOfTurn
from sleap_rtc.events.log_lines import log_event
from sleap_rtc.events.log_table import MODEL_PUBLISHED, MODEL_REFUSED, SWEEP, SWEEP_MENDED
from sleap_rtc.events.notice_handler import NoticeRefused, handle_notices
from sleap_rtc.events.span_table import PROCESS_MODEL, messaging, of_job
from sleap_rtc.events.spans import unheard
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import what_is_wrong
from sleap_rtc.storage.errors import InputError, NotFound
from sleap_rtc.storage.manifest import ModelIdTaken, ModelRecord, model_id_of
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sleap_rtc.events.feed import RoomFeed
    from sleap_rtc.events.job_store import JobStore
    from sleap_rtc.events.jobs import Job
    from sleap_rtc.events.notices import ObjectCreated
    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.events.queue import Message
    from sleap_rtc.events.spans import SpanHook
    from sleap_rtc.events.tracing import OpenSpan
    from sleap_rtc.storage.object_store import ObjectStore
    from sleap_rtc.storage.room_storage import RoomStorage
    from sleap_rtc.storage.rooms_storage import RoomsStorage

log = logging.getLogger(__name__)


class Publish:
    """Publishes models.

    Args:
        rooms: the rooms bucket.
        rooms_bucket: its name; notices about other buckets are refused.
        models: the manifests in it.
        job_store: the jobs.
        feed: tells the room.
        on_span: hears of each model that is published.
    """

    def __init__(
        self,
        rooms: ObjectStore,
        rooms_bucket: str,
        models: RoomsStorage,
        job_store: JobStore,
        feed: RoomFeed,
        on_span: SpanHook = unheard,
    ) -> None:
        self._rooms = rooms
        self._bucket = rooms_bucket
        self._models = models
        self._jobs = job_store
        self._feed = feed
        self._on_span = on_span

    async def handle(self, message: Message) -> Outcome:
        """Act on one message of the model-events queue."""
        return await handle_notices(message, self._act_on)

    async def _act_on(self, notice: ObjectCreated) -> None:
        if notice.bucket != self._bucket:
            raise NoticeRefused(code="foreign_bucket", reason=f"{notice.bucket} is not the rooms bucket")
        folder = keys.parse_model_key(notice.key)
        if folder is None:
            raise NoticeRefused(code="foreign_key", reason=f"{notice.key} is not the record of a model")
        refusal = await asyncio.to_thread(self.publish, folder, notice.identity)
        if refusal and not await asyncio.to_thread(self._was_removed, folder):
            cause = notice.identity.rpartition("/")[2]
            log_event(
                log,
                MODEL_REFUSED,
                model_id=folder.model_id,
                reason=refusal,
                room_id=folder.room_id,
                cause=cause,
            )
            raise NoticeRefused(code="refused", reason=refusal)

    def _was_removed(self, folder: keys.ModelFolder) -> bool:
        """Tell whether the notice came after its room, which was there for a check, was removed."""
        if not keys.is_check_room(folder.room_id):
            return False
        return next(iter(self._rooms.list(keys.room_key(folder.room_id))), None) is None

    def publish(self, folder: keys.ModelFolder, event: str) -> str | None:
        """Publish one model; return why it was refused, None if it stands in the manifest now."""
        room = self._models.of(folder.room_id)
        try:
            record = room.read_record(folder)
        except NotFound as missing:
            return str(missing)
        except ValidationError as error:
            return f"{folder.record} is not a model record: {what_is_wrong(error)}"
        refusal = self._why_not(folder, record)
        if refusal:
            return refusal
        try:
            room.check_publish(record)
        except ModelIdTaken as taken:
            return str(taken)
        with self._step(folder, record, event) as step:
            if not record.job_id or record.interim:
                self._publish_beside(room, record, event, step)
                return None
            refused = self._publish_of_job(room, record, event, step)
            if refused:
                step.failed("refused")
            return refused

    def _step(
        self, folder: keys.ModelFolder, record: ModelRecord, event: str
    ) -> AbstractContextManager[OpenSpan]:
        attributes = {
            **of_job(record.room_id, record.job_id),
            **messaging("aws_sqs", "process", "model-events"),
            "sleap_rtc.model.id": record.model_id,
            "sleap_rtc.model.type": record.model_type,
            "sleap_rtc.cause": event.rpartition("/")[2],
            "aws.s3.bucket": self._bucket,
            "aws.s3.key": folder.record,
        }
        led = (record.sent_in or record.traceparent,)
        return tracing.begun(PROCESS_MODEL, "service", self._on_span, attributes, links=led)

    def _publish_of_job(
        self, room: RoomStorage, record: ModelRecord, event: str, step: OpenSpan
    ) -> str | None:
        try:
            job = self._accepted(record)
        except LeaseLost as stale:
            return f"a stale worker made it: {stale}"
        except (NotFound, OutOfTurn) as wrong:
            return str(wrong)
        if not record.turn.is_last:
            self._publish_beside(room, record, event, step)
            return None
        refusal = self._publish_missing(room, job)
        if refusal is None:
            self._publish_last(room, record, event, step)
        return refusal

    def _publish_missing(self, room: RoomStorage, job: Job) -> str | None:
        """Publish what the job made before its last model and nobody was told of."""
        known = room.manifest().models if len(job.models) > 1 else {}
        for model in job.models[:-1]:
            if model.model_id not in known:
                folder = keys.ModelFolder(job.room_id, model.model_type, model.model_id)
                if refusal := self.publish(folder, "with the last model of its job"):
                    return refusal
        return None

    def _publish_last(self, room: RoomStorage, record: ModelRecord, event: str, step: OpenSpan) -> None:
        now = datetime.now(UTC)
        room.publish_model(record, now)
        ended = self._jobs.change(
            record.room_id, record.job_id, lambda present: job_steps.published(present, now, event)
        )
        if ended.history[-1].at == now:
            tell(ModelPublished())
            self._feed.tell_job(ended)
            _log(record, event)
        else:
            step.forget()

    def _publish_beside(self, room: RoomStorage, record: ModelRecord, event: str, step: OpenSpan) -> None:
        """Publish a model with which no job ends."""
        if record.model_id in room.manifest().models:
            step.forget()
        else:
            now = datetime.now(UTC)
            room.publish_model(record, now)
            tell(ModelPublished())
            self._feed.tell_model(record, now, event)
            _log(record, event)

    def _accepted(self, record: ModelRecord) -> Job:
        """Make this model one that counts, in the job's record, before it stands in the manifest: once the
        last one does, nobody else can take the job, and nobody can cancel it."""
        model = JobModel(model_id=record.model_id, model_type=record.model_type)
        return self._jobs.change(
            record.room_id,
            record.job_id,
            lambda present: job_steps.accepted(present, model, record.turn, record.fencing),
        )

    def _why_not(self, folder: keys.ModelFolder, record: ModelRecord) -> str | None:
        if record.room_id != folder.room_id or record.model_type != folder.model_type:
            return "the record speaks of another room or type"
        if not record.model_id == folder.model_id == model_id_of(record.files):
            return "the model id is not that of its files"
        for file in record.files:
            try:
                found = self._rooms.head(folder.file(file.name))
            except (NotFound, InputError):
                return f"its file {file.name} is missing"
            if found.size_bytes != file.size_bytes:
                return f"its file {file.name} has {found.size_bytes} bytes instead of {file.size_bytes}"
        return None


def _log(record: ModelRecord, event: str) -> None:
    log_event(
        log,
        MODEL_PUBLISHED,
        model_id=record.model_id,
        model_type=record.model_type,
        size_bytes=record.size_bytes,
        room_id=record.room_id,
        job_id=record.job_id,
        cause=event.rpartition("/")[2],
    )
    if event == SWEEP:
        log_event(log, SWEEP_MENDED, what="model", subject=record.model_id, room_id=record.room_id)
