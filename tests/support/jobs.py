"""The words in which tests speak of uploads, jobs and models, and all reactors over memory."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ulid import ULID

from sleap_rtc.events import job_steps, jobs
from sleap_rtc.events.dataset_index import DatasetIndex
from sleap_rtc.events.dispatch import Dispatch
from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import DatasetRef, Job, JobModel, JobRequest, JobState
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.publish import Publish
from sleap_rtc.events.queue import Message
from sleap_rtc.events.reconcile import Reconcile
from sleap_rtc.events.uploads import UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound, Unreachable
from sleap_rtc.storage.manifest import Manifest, ModelFile, ModelRecord, ModelTurn, model_id_of
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.object_store import Create, Overwrite
from sleap_rtc.storage.room_storage import RoomStorage
from sleap_rtc.storage.rooms_storage import RoomsStorage
from support.loop import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sleap_rtc.events.outcome import Outcome
    from sleap_rtc.storage.object_store import ObjectInfo, StoredObject

ROOM = "mice-1"
UPLOADS_BUCKET = "the-uploads"
ROOMS_BUCKET = "the-rooms"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CHECKSUM = "crc64nvme:AAAAAAAAAAA="
DATASET = b"a dataset of mice"
LEASE_S = 60.0
MOST_ATTEMPTS = 3
PATIENCE = timedelta(seconds=60)


def make_job(**changed: Any) -> Job:
    """Return a job as dispatch makes it, before its first edge."""
    job = Job(
        job_id="01J00000000000000000000000",
        room_id=ROOM,
        request=JobRequest(),
        dataset=DatasetRef(path="s3://the-uploads/data", size_bytes=len(DATASET), checksum=CHECKSUM),
        created_by="ada",
        created_at=NOON,
        traceparent=TRACEPARENT,
    )
    return job.model_copy(update=changed)


def queued_job(**changed: Any) -> Job:
    """Return a job that waits for its first worker."""
    return job_steps.queued(make_job(**changed), NOON, "notice")


def claim(job: Job, worker_id: str = "w1", now: datetime = NOON, event: str = "message") -> Job:
    """Give the job to a worker."""
    return job_steps.claimed(job, worker_id, now, LEASE_S, event, MOST_ATTEMPTS)


MODEL = JobModel(model_id="0123456789abcdef", model_type="centroid")


def accept(
    job: Job,
    fencing: int | None = None,
    model: JobModel = MODEL,
    turn: ModelTurn = ModelTurn(),  # noqa: B008
) -> Job:
    """Let a model of the holder, or of who held it with that number, count."""
    return job_steps.accepted(job, model, turn, job.fencing if fencing is None else fencing)


def states(job: Job) -> list[str]:
    """Return the job's history in short."""
    return [edge.state.value for edge in job.history]


def notice(bucket: str, key: str, etag: str = "e1") -> dict[str, Any]:
    """Return one record of S3's notification, as S3 writes it for an ordinary key."""
    return {
        "eventVersion": "2.1",
        "eventName": "ObjectCreated:CompleteMultipartUpload",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "eTag": etag, "sequencer": "0A"}},
    }


def message(*records: dict[str, Any], body: str | None = None) -> Message:
    """Return a delivery of a message with these records, or with this body."""
    return Message("m1", json.dumps({"Records": records}) if body is None else body, "handle", 1)


def in_an_hour() -> datetime:
    """Return a time at which every event is late and every lease has run out."""
    return datetime.now(UTC) + HOUR


class CountingStore(MemoryObjectStore):
    """Counts what S3 would charge for, and lets a test act just after a read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: Counter[str] = Counter()
        self.listed: list[str] = []
        self.after_read: Callable[[str], None] = lambda _: None
        self.listing_fails_with: list[Exception] = []

    def get(self, key: str) -> StoredObject:
        """Return an object, and remember that it was asked for."""
        self.read[key] += 1
        found = super().get(key)
        self.after_read(key)
        return found

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield what is there, or fail, and remember what was asked for."""
        self.listed.append(prefix)
        if self.listing_fails_with:
            raise self.listing_fails_with.pop()
        return super().list(prefix, start_after)

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the folders, or fail."""
        if self.listing_fails_with:
            raise self.listing_fails_with.pop()
        return super().folders(prefix)


class HeardTopic:
    """A topic that remembers which rooms were woken, and can be down."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.down = False

    def publish(self, room_id: str) -> None:
        """Wake the room's listeners."""
        if self.down:
            raise Unreachable(where="SNS", why="down")
        self.woken.append(room_id)


class House:
    """One instance of the service, its buckets in memory, and a worker to go with it."""

    def __init__(self) -> None:
        self.uploads = MemoryObjectStore()
        self.rooms = CountingStore()
        self.topic = HeardTopic()
        self.queue = MemoryQueue()
        self.sends_that_fail = 0
        self.rooms_without_queue: set[str] = set()
        self.start()

    def start(self) -> None:
        """Start, or start again: what is in the buckets stays, what was in memory is gone."""
        self.jobs = JobStore(self.rooms)
        self.feed = RoomFeed(self.rooms, self.topic)
        self.models = RoomsStorage(self.rooms, ROOMS_BUCKET)
        self.dispatch = Dispatch(self.uploads, UPLOADS_BUCKET, self.rooms, self.jobs, self, self.feed)
        self.publish = Publish(self.rooms, ROOMS_BUCKET, self.models, self.jobs, self.feed)
        self.reconcile = Reconcile(
            self.rooms,
            self.models,
            self.jobs,
            self.dispatch,
            self.publish,
            self,
            self.feed,
            patience=PATIENCE,
            most_attempts=MOST_ATTEMPTS,
        )

    async def wake(self, job_message: JobMessage) -> None:
        """Put a message on the queue, or fail."""
        if self.sends_that_fail > 0:
            self.sends_that_fail -= 1
            raise Unreachable(where="SQS", why="down")
        if job_message.room_id in self.rooms_without_queue:
            raise NotFound(what=f"queue of room {job_message.room_id}")
        await self.queue.send(job_message.model_dump_json())

    async def depth(self, room_id: str) -> int:
        """Return how many messages there are."""
        return len(self.queue.held)

    # Uploads

    def completed_upload(self, dataset: bytes = DATASET, **changed: Any) -> UploadRecord:
        """Leave an upload as the service does once S3 has made the object: nobody was told yet."""
        upload_id = f"{changed.get('room_id', ROOM)}-{ULID()}"
        record = UploadRecord(
            upload_id=upload_id,
            room_id=ROOM,
            file_name="Meine Mäuse.zip",
            size_bytes=len(dataset),
            part_size_bytes=8 * 1024 * 1024,
            s3_upload_id="s3-upload",
            whole_checksum=True,
            created_by="ada",
            created_at=NOON,
            traceparent=TRACEPARENT,
            job=JobRequest(),
            job_id=str(ULID()),
            state="completing",
            checksum=CHECKSUM,
        ).model_copy(update=changed)
        upload = upload_of(record)
        DatasetIndex(self.uploads, self.rooms).begin(upload)
        Documents(self.rooms, UploadRecord).create(keys.upload_record_key(upload), record)
        self.put_dataset(record, dataset)
        return record

    def put_dataset(self, record: UploadRecord, dataset: bytes) -> str:
        """Write the upload's object; return its ETag."""
        return self.uploads.put(str(upload_of(record)), dataset, Overwrite())

    def upload_record(self, record: UploadRecord) -> UploadRecord:
        """Return the record as it stands now."""
        return Documents(self.rooms, UploadRecord).read(keys.upload_record_key(upload_of(record))).value

    def dispatched(self, record: UploadRecord) -> Outcome:
        """Deliver S3's notice of the upload."""
        return run(self.dispatch.handle(message(notice(UPLOADS_BUCKET, str(upload_of(record))))))

    # Jobs

    def queued(self) -> Job:
        """Return a job that waits for its first worker, with its message on the queue."""
        record = self.completed_upload()
        self.dispatched(record)
        return self.job(record)

    def job(self, of: UploadRecord | Job) -> Job:
        """Return the job as it stands now. Raises NotFound."""
        return self.jobs.get(of.room_id, of.job_id or "")

    def sent(self) -> list[str]:
        """Return the jobs for which a message is on the queue."""
        return [JobMessage.parse(held.body).job_id for held in self.queue.held.values()]

    def marked(self) -> list[str]:
        """Return what is marked as not ended: jobs, and uploads."""
        return [info.key.rpartition("/")[2] for info in self.rooms.list(keys.OPEN_PREFIX)]

    def claimed(self, job: Job, worker_id: str = "w1", now: datetime | None = None) -> Job:
        """Let a worker take the job."""
        taken = now or datetime.now(UTC)
        return self.jobs.change(job.room_id, job.job_id, lambda present: claim(present, worker_id, taken))

    def told(self) -> list[str]:
        """Return what the room was told, in order."""
        return [event.state for event in self.feed.since(ROOM)]

    # Models

    def trained(self, job: Job, content: bytes = b"weights", **changed: Any) -> ModelRecord:
        """Let the holder of the job send its model: files first, `model.json` last; nobody is told yet."""
        files = (ModelFile(name="best.ckpt", size_bytes=len(content), checksum=content.hex()),)
        record = ModelRecord(
            model_id=model_id_of(files),
            model_type="centroid",
            room_id=job.room_id,
            files=files,
            job_id=job.job_id,
            attempt=job.attempt,
            fencing=job.fencing,
            dataset_checksum=job.dataset.checksum,
            trainer="reference",
            trained_by=job.created_by,
            trained_on_worker="w1",
            trained_at=NOON,
            traceparent=job.traceparent,
        ).model_copy(update=changed)
        self.jobs.change(job.room_id, job.job_id, lambda present: _uploading(present, record))
        folder = folder_of(record)
        self.rooms.put(folder.file("best.ckpt"), content, Overwrite())
        self.rooms.put(folder.record, record.model_dump_json().encode(), Overwrite())
        return record

    def trained_first_of_two(self, job: Job, content: bytes = b"the first") -> ModelRecord:
        """Let the holder of the job send the first of its two models, and go on with the second."""
        record = self.trained(job, content, turn=ModelTurn(index=0, count=2))
        model = JobModel(model_id=record.model_id, model_type=record.model_type)
        self.jobs.change(
            job.room_id,
            job.job_id,
            lambda present: job_steps.advanced(
                job_steps.sent(present, model, record.turn, job.fencing),
                JobState.TRAINING,
                job.fencing,
                datetime.now(UTC),
            ),
        )
        return record

    def finished(self, content: bytes = b"weights") -> ModelRecord:
        """Go all the way from an upload to a model that nobody was told of."""
        return self.trained(self.claimed(self.queued()), content)

    def announced(self, record: ModelRecord) -> Outcome:
        """Deliver S3's notice of the model."""
        body = message(notice(ROOMS_BUCKET, folder_of(record).record))
        return run(self.publish.handle(body))

    def job_of(self, record: ModelRecord) -> Job:
        """Return the job that made a model, as it stands now."""
        return self.jobs.get(record.room_id, record.job_id)

    def manifest(self) -> Manifest:
        """Return the room's manifest as it stands now."""
        return RoomStorage(ROOM, self.rooms, ROOMS_BUCKET).manifest()

    def swept(self, later: timedelta = timedelta()) -> None:
        """Sweep once, now or at a later time."""
        run(self.reconcile.sweep(datetime.now(UTC) + later))

    def swept_deep(self) -> None:
        """Look for models that no manifest names."""
        run(self.reconcile.sweep_deep())

    def put(self, key: str, body: bytes) -> None:
        """Write any object into the rooms bucket."""
        self.rooms.put(key, body, Create())


def _uploading(job: Job, record: ModelRecord) -> Job:
    if job.state not in jobs.HELD or job.fencing != record.fencing:
        return job  # a stale worker sends what it has all the same
    job = job_steps.advanced(job, JobState.UPLOADING, record.fencing, datetime.now(UTC))
    return job.model_copy(update={"model_id": record.model_id, "model_type": record.model_type})


def upload_of(record: UploadRecord) -> keys.UploadKey:
    """Return where an upload's dataset lies."""
    return keys.UploadKey(record.room_id, record.upload_id)


def folder_of(record: ModelRecord) -> keys.ModelFolder:
    """Return where a model lies."""
    return keys.ModelFolder(record.room_id, record.model_type, record.model_id)
