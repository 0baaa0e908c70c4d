"""Whatever happens to the events, every dataset is trained once in effect and every model published once.

A machine of uploads, notices, workers and a service that dies at any write. Notices are delivered in any
order, twice, late or never. At the end the sweep and one honest worker put everything right.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support.jobs import (
    LEASE_S,
    MOST_ATTEMPTS,
    ROOM,
    ROOMS_BUCKET,
    UPLOADS_BUCKET,
    House,
    folder_of,
    message,
    notice,
    upload_of,
)
from support.loop import run
from ulid import ULID

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_reports import Advanced, Failed, GivenBack, Hold, JobRules, ModelSent, Renewed
from sleap_rtc.events.jobs import (
    CancelRefused,
    Job,
    JobClaimed,
    JobEnded,
    JobNotReady,
    JobRequest,
    JobState,
    LeaseLost,
)
from sleap_rtc.events.memory_queue import MemoryQueue
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.queue import HandleDead
from sleap_rtc.events.uploads import AskedJob, UploadRecord
from sleap_rtc.storage import keys
from sleap_rtc.storage.document import Documents
from sleap_rtc.storage.errors import NotFound, ObjectChanged
from sleap_rtc.storage.manifest import ModelFile, ModelRecord, ModelTurn, model_id_of
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.unchanged import unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sleap_rtc.events.queue import Message

ENDS = {JobState.PUBLISHED, JobState.FAILED, JobState.CANCELLED}


class Clock:
    """Shows the time that the machine sets, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class ServiceDied(BaseException):
    """The process that was writing is gone."""


@dataclass
class Worker:
    """A worker and what it is at."""

    name: str
    wakeup: Message | None = None
    job: Job | None = None
    steps: list[Callable[[], None]] = field(default_factory=list)


class EventPlane(RuleBasedStateMachine):
    """The event plane, and everything that S3, SQS and processes are known to do to it."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.begun = datetime.now(UTC)
        self.house = House()
        self.house.queue = MemoryQueue("jobs", self.clock)
        self.writes_left = -1
        self.put = self.house.rooms.put
        self.house.rooms.put = self.put_or_die  # type: ignore[method-assign] # a process that dies in a write
        self.notices: list[dict[str, Any]] = []
        self.uploads: list[UploadRecord] = []
        self.promised: dict[str, int] = {}
        self.cancelled: set[str] = set()
        self.spoilt: set[str] = set()
        self.interim: set[str] = set()
        self.workers = [Worker("w1"), Worker("w2")]
        self.numbers = itertools.count()
        rules = JobRules(LEASE_S, MOST_ATTEMPTS)
        for _ in range(2):
            self.upload(with_job=True)
        self.desk = StoreJobDesk(
            self.house.rooms, self.house.jobs, self.house.feed, rules, clock=lambda: self.now
        )

    @property
    def now(self) -> datetime:
        return self.begun + timedelta(seconds=self.clock.now)

    def put_or_die(
        self,
        key: str,
        body: bytes,
        mode: Any,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        if self.writes_left == 0:
            self.writes_left = -1
            raise ServiceDied
        self.writes_left -= 1
        return self.put(key, body, mode, metadata=metadata)

    def service(self, act: Callable[[], object], dies_after: int | None) -> None:
        """Let the service do something, and die after so many writes."""
        self.writes_left = -1 if dies_after is None else dies_after
        try:
            act()
        except ServiceDied:
            self.house.start()
        finally:
            self.writes_left = -1

    # What people do

    @rule(with_job=st.booleans())
    def upload(self, with_job: bool) -> None:
        changed = {} if with_job else {"job": None, "job_id": None}
        record = self.house.completed_upload(f"mice {next(self.numbers)}".encode(), **changed)
        self.uploads.append(record)
        if record.job_id:
            self.promise(record.job_id)
        self.notices.append(notice(UPLOADS_BUCKET, str(upload_of(record)), etag=str(ULID())))

    def promise(self, job_id: str) -> None:
        """Note a job that is to be made, and how many models it is to make."""
        self.promised[job_id] = 1 + len(self.promised) % 3

    @precondition(lambda self: self.uploads)
    @rule(data=st.data())
    def the_service_dispatches_at_once(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.uploads))
        dies = data.draw(st.none() | st.integers(0, 6))
        self.service(lambda: run(self.house.dispatch.dispatch(upload_of(record), "completed")), dies)

    @precondition(lambda self: self.uploads)
    @rule(data=st.data())
    def another_job_is_submitted(self, data: st.DataObject) -> None:
        record = self.house.upload_record(data.draw(st.sampled_from(self.uploads)))
        if record.state != "completed":
            return
        asked = AskedJob(job_id=str(ULID()), request=JobRequest(), created_by="bob", created_at=self.now)
        key = keys.upload_record_key(upload_of(record))
        self.house.jobs.announce(upload_of(record), asked.job_id, self.now)
        Documents(self.house.rooms, UploadRecord).change(
            key, lambda present: present.model_copy(update={"submitted": (*present.submitted, asked)})
        )
        self.promise(asked.job_id)
        if data.draw(st.booleans()):  # else the service died before it made the job
            run(self.house.dispatch.dispatch_one(upload_of(record), asked.job_id, "submitted"))

    @precondition(lambda self: self.uploads)
    @rule(data=st.data(), replaced=st.booleans(), really=st.integers(0, 3))
    def a_dataset_is_deleted_or_uploaded_again(
        self, data: st.DataObject, replaced: bool, really: int
    ) -> None:
        record = data.draw(st.sampled_from(self.uploads))
        if really or self.house.upload_record(record).state != "completed":
            return
        self.spoilt.add(record.upload_id)
        if replaced:
            self.house.put_dataset(record, b"rats")
            self.notices.append(notice(UPLOADS_BUCKET, str(upload_of(record)), etag=str(ULID())))
        else:
            self.house.uploads.delete(str(upload_of(record)))

    @precondition(lambda self: self.promised)
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.promised)))
        try:
            self.house.jobs.change(ROOM, job_id, lambda job: job_steps.cancelled(job, self.now, "ada"))
        except (NotFound, CancelRefused):
            return
        self.cancelled.add(job_id)

    # What S3 and SQS do

    @precondition(lambda self: self.notices)
    @rule(data=st.data(), again=st.booleans(), dies=st.none() | st.integers(0, 8))
    def a_notice_is_delivered(self, data: st.DataObject, again: bool, dies: int | None) -> None:
        number = data.draw(st.integers(0, len(self.notices) - 1))
        found = self.notices[number] if again else self.notices.pop(number)
        ours = found["s3"]["bucket"]["name"] == UPLOADS_BUCKET
        reactor = self.house.dispatch if ours else self.house.publish
        self.service(lambda: run(reactor.handle(message(found))), dies)

    @precondition(lambda self: self.notices)
    @rule(data=st.data())
    def a_notice_is_lost(self, data: st.DataObject) -> None:
        self.notices.pop(data.draw(st.integers(0, len(self.notices) - 1)))

    @precondition(lambda self: self.house.queue.held)
    @rule(data=st.data())
    def a_wake_up_is_lost_or_doubled(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(sorted(self.house.queue.held)))
        if data.draw(st.booleans()):
            run(self.house.queue.send(self.house.queue.held[message_id].body))
        else:
            del self.house.queue.held[message_id]

    @rule(seconds=st.sampled_from([1, 30, 61, 200, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def the_service_is_started_again(self) -> None:
        self.house.start()

    @rule(dies=st.none() | st.integers(0, 8))
    def a_sweep(self, dies: int | None) -> None:
        self.service(lambda: run(self.house.reconcile.sweep(self.now)), dies)

    # What workers do

    @rule(number=st.integers(0, 1), steps=st.integers(0, 6))
    def a_worker_takes_what_comes(self, number: int, steps: int) -> None:
        worker = self.workers[number]
        if worker.job is None:
            self.take(worker)
        self.a_worker_goes_on(number, steps)

    def take(self, worker: Worker) -> None:
        found = run(self.house.queue.receive(1, 0, int(LEASE_S)))
        if not found:
            return
        wanted = JobMessage.parse(found[0].body)
        try:
            job = self.desk.claim(wanted.room_id, wanted.job_id, worker.name, found[0].message_id)
        except JobEnded:
            run(self.house.queue.delete(found[0]))
        except (JobClaimed, JobNotReady) as wait:
            run(self.house.queue.extend(found[0], round(wait.remaining_s + 1)))
        else:
            worker.wakeup, worker.job = found[0], job
            worker.steps = [] if job.ended else self.steps_of(job)

    def steps_of(self, job: Job) -> list[Callable[[], None]]:
        hold = Hold(job.room_id, job.job_id, job.fencing)

        def download() -> None:
            key = job.dataset.path.removeprefix(f"s3://{UPLOADS_BUCKET}/")
            try:
                unchanged(self.house.uploads, key, job.dataset.etag, "the dataset")
            except ObjectChanged as error:
                self.desk.report(hold, Failed(code="dataset_changed", message=str(error)))
                raise LeaseLost(held=hold.fencing, current=hold.fencing) from error

        steps = [lambda: void(self.desk.report(hold, Advanced(state=JobState.DOWNLOADING))), download]
        count = self.promised[job.job_id]
        for index in range(len(job.models), count):
            steps += self.steps_of_model(job, hold, ModelTurn(index=index, count=count))
        return steps

    def steps_of_model(
        self, job: Job, hold: Hold, turn: ModelTurn, *, interim: bool = False
    ) -> list[Callable[[], None]]:
        content = f"{job.job_id} attempt {job.fencing} model {turn.index} interim {interim}".encode()
        files = (ModelFile(name="best.ckpt", size_bytes=len(content), checksum=content.hex()),)
        record = ModelRecord(
            model_id=model_id_of(files),
            model_type="centroid",
            room_id=ROOM,
            files=files,
            job_id=job.job_id,
            attempt=job.attempt,
            fencing=job.fencing,
            turn=turn,
            interim=interim,
            dataset_checksum=job.dataset.checksum,
            trainer="reference",
            trained_by=job.created_by,
            trained_on_worker="w",
            trained_at=self.begun,
            traceparent=job.traceparent,
        )
        folder = folder_of(record)

        def announce() -> None:
            report = Advanced(state=JobState.UPLOADING, model_id=record.model_id, model_type="centroid")
            self.desk.report(hold, report)

        def send() -> None:
            self.house.rooms.put(folder.record, record.model_dump_json().encode(), Overwrite())
            self.notices.append(notice(ROOMS_BUCKET, folder.record, etag=str(ULID())))

        def go_on() -> None:
            if not (turn.is_last or interim):
                said = ModelSent(model_id=record.model_id, model_type="centroid", turn=turn)
                self.desk.report(hold, said)

        self.interim |= {record.model_id} if interim else set()
        return [
            lambda: void(self.desk.report(hold, Advanced(state=JobState.TRAINING, note=turn.words))),
            announce,
            lambda: void(self.house.rooms.put(folder.file("best.ckpt"), content, Overwrite())),
            send,
            go_on,
        ]

    @precondition(lambda self: any(worker.job for worker in self.workers))
    @rule(number=st.integers(0, 1), steps=st.integers(1, 6))
    def a_worker_goes_on(self, number: int, steps: int) -> None:
        worker = self.workers[number]
        for _ in range(steps):
            if worker.job is None:
                return
            try:
                if worker.steps:
                    worker.steps.pop(0)()
                    continue
            except LeaseLost:
                pass
            self.settle(worker)

    @precondition(lambda self: any(worker.job for worker in self.workers))
    @rule(number=st.integers(0, 1), steps=st.integers(0, 6))
    def a_worker_stalls_until_the_other_has_its_job(self, number: int, steps: int) -> None:
        self.clock.now += 200
        run(self.house.reconcile.sweep(self.now))
        for _ in range(3):
            self.a_worker_takes_what_comes(1 - number, steps)
        self.a_worker_goes_on(number, steps)

    def settle(self, worker: Worker) -> None:
        if worker.wakeup is not None:
            with suppress(HandleDead):
                run(self.house.queue.delete(worker.wakeup))
        worker.wakeup = worker.job = None

    @precondition(lambda self: any(worker.job for worker in self.workers))
    @rule(number=st.integers(0, 1))
    def a_worker_renews(self, number: int) -> None:
        job = self.workers[number].job
        if job is None:
            return
        try:
            self.desk.report(Hold(job.room_id, job.job_id, job.fencing), Renewed())
        except LeaseLost:
            self.workers[number].wakeup = self.workers[number].job = None

    @precondition(lambda self: any(worker.job for worker in self.workers))
    @rule(number=st.integers(0, 1))
    def a_worker_has_to_leave(self, number: int) -> None:
        worker = self.workers[number]
        if worker.job is None:
            return
        job = worker.job
        hold = Hold(job.room_id, job.job_id, job.fencing)
        turn = ModelTurn(index=len(job.models), count=self.promised[job.job_id])
        with suppress(LeaseLost):
            for step in self.steps_of_model(job, hold, turn, interim=True):
                step()
            self.desk.report(hold, GivenBack(reason="the worker shut down", counts=False))
        self.settle(worker)

    @rule(number=st.integers(0, 1))
    def a_worker_dies(self, number: int) -> None:
        self.workers[number] = Worker(self.workers[number].name)

    # What is true in the end

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        for _ in range(4 * (MOST_ATTEMPTS + 2)):
            self.clock.now += 40_000
            run(self.house.reconcile.sweep(self.now))
            for _ in range(60):
                self.a_worker_takes_what_comes(0, 6)
                if self.workers[0].job is None and not self.house.queue.held:
                    break
                self.clock.now += 1
        run(self.house.reconcile.sweep_deep())  # whatever a stale worker left is offered once more
        self.every_promise_was_kept()

    def every_promise_was_kept(self) -> None:
        models = defaultdict(set)
        for model in self.house.manifest().models.values():
            if model.id not in self.interim:
                models[model.training.job_id].add(model.id)
        for job_id in self.promised:
            job = self.house.jobs.get(ROOM, job_id)
            ends = [edge.state for edge in job.history if edge.state in ENDS]
            assert ends == [job.state], (ends, job)
            assert models[job_id] == {made.model_id for made in job.made}, job
            assert (len(job.made) == self.promised[job_id]) == (job.state is JobState.PUBLISHED), job
            self.ended_for_a_reason(job)
        assert set(models) <= set(self.promised)
        assert self.house.marked() == []

    def ended_for_a_reason(self, job: Job) -> None:
        upload = job.dataset.path.split("/")[-2]
        if job.state is JobState.CANCELLED:
            assert job.job_id in self.cancelled
        elif job.state is JobState.FAILED:
            assert job.failure is not None
            assert (job.failure.code == "dataset_changed" and upload in self.spoilt) or (
                job.failure.code == "worker_lost" and job.spent == MOST_ATTEMPTS
            ), job
        else:
            assert job.made[-1].model_id == job.model_id


def void(_: object) -> None:
    """Forget what a call returned."""


TestEventPlane = EventPlane.TestCase
TestEventPlane.settings = settings(max_examples=100, stateful_step_count=60)
