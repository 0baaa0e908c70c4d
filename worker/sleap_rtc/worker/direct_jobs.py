"""Orchestration: jobs that clients hand to this worker over a session of theirs, one at a time.

Such a job is carried out like one of the queue, with the same events and commands, but its record lives in
this process alone: there is nobody else who could take it. The slot is shared with the queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from sleap_rtc.events import job_steps
from sleap_rtc.events.feed import RoomFeed
from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_reports import JobRules
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import DatasetRef, Job
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.outcome import RetryLater
from sleap_rtc.events.queue import Message
from sleap_rtc.live.direct_jobs import (
    BUSY,
    LEAVING,
    REQUESTS,
    CollectJob,
    JobAccepted,
    JobDeclined,
    JobResult,
    MadeFile,
    MadeModel,
    RequestUnreadable,
    SubmitJob,
    read_direct_request,
)
from sleap_rtc.live.signaling_messages import PEER_NAME_SEPARATOR
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.traffic import SILENT, Traffic
from sleap_rtc.worker.peer_dataset import PeerDataset
from sleap_rtc.worker.slot import Holder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.events.job_desk import JobDesk
    from sleap_rtc.live.control import Control
    from sleap_rtc.live.peer_session import PeerSession
    from sleap_rtc.worker.attempt_ports import DatasetBringer, ModelTaker
    from sleap_rtc.worker.direct_models import DirectModels, Taken
    from sleap_rtc.worker.job_runner import JobRunner
    from sleap_rtc.worker.shift_watch import ShiftWatch
    from sleap_rtc.worker.slot import Slot

log = logging.getLogger(__name__)

MOST_REMEMBERED = 16
LEASE_S = 120.0
_MOST_WHY_CHARACTERS = 2000


class RunnerOf(Protocol):
    """Makes what carries out one job."""

    def __call__(self, desk: JobDesk, downloader: DatasetBringer, publisher: ModelTaker, /) -> JobRunner:
        """Return it."""


@dataclass
class _DirectJob:
    """A job, and what is known of it."""

    owner: str
    dataset: PeerDataset
    models: DirectModels
    runner: JobRunner
    result: JobResult | None = None


class DirectJobs:
    """Everything here belongs to one event loop.

    Args:
        room_id: whose jobs they count as.
        slot: shared with the queue.
        shift: they count for it.
        runner_of: makes what carries one out.
        models_of: makes what takes the model of one.
        work_dir: where packages lie.
        traffic: is told of the bytes of packages.
    """

    def __init__(
        self,
        room_id: str,
        slot: Slot,
        shift: ShiftWatch,
        runner_of: RunnerOf,
        models_of: Callable[[], DirectModels],
        work_dir: Path,
        traffic: Traffic = SILENT,
    ) -> None:
        self._room_id = room_id
        self._slot = slot
        self._shift = shift
        self._runner_of = runner_of
        self._models_of = models_of
        self._work_dir = work_dir
        self._traffic = traffic
        self._jobs: OrderedDict[str, _DirectJob] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False

    def serve(self, session: PeerSession, control: Control) -> None:
        """Take what a client asks for over a session."""
        control.on(REQUESTS, partial(self._asked, session, control))

    async def run(self, stop: asyncio.Event) -> None:
        """Take jobs until `stop` is set, then end the one under way."""
        try:
            await stop.wait()
        finally:
            self._leaving = True
            for job in self._jobs.values():
                job.runner.stop()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _asked(self, session: PeerSession, control: Control, text: str) -> None:
        try:
            request = read_direct_request(text)
        except RequestUnreadable as error:
            control.refuse(0, "malformed", str(error))
            return
        if isinstance(request, SubmitJob):
            control.send(self._submitted(session, request).text())
        else:
            control.send(self._collected(session, request).text())

    def _submitted(self, session: PeerSession, request: SubmitJob) -> JobAccepted | JobDeclined:
        job = self._known(session, request.job_id)
        if job is None:
            if request.job_id in self._jobs:
                return JobDeclined(id=request.id, code="taken", why="there is another job of this id")
            if self._leaving:
                return JobDeclined(id=request.id, code=LEAVING, why="the worker shuts down")
            if not self._slot.take(Holder(session.peer_id)):
                return JobDeclined(id=request.id, code=BUSY, why="the worker is busy with another job")
            job = self._begun(session, request)
        if job.result is None:
            job.dataset.connected(session)
        return JobAccepted(id=request.id, job_id=request.job_id)

    def _begun(self, session: PeerSession, request: SubmitJob) -> _DirectJob:
        dataset = PeerDataset(request.job_id, self._work_dir, traffic=self._traffic)
        models = self._models_of()
        store = MemoryObjectStore()
        jobs = JobStore(store)
        desk = StoreJobDesk(store, jobs, RoomFeed(store, _Nobody()), JobRules(LEASE_S, 1))
        record, _ = jobs.create(self._record(session, request))
        job = _DirectJob(_owner(session), dataset, models, self._runner_of(desk, dataset, models))
        self._jobs[request.job_id] = job
        while len(self._jobs) > MOST_REMEMBERED:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(self._work(job, record, jobs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def _record(self, session: PeerSession, request: SubmitJob) -> Job:
        now = datetime.now(UTC)
        job = Job(
            job_id=request.job_id,
            room_id=self._room_id,
            request=request.request,
            dataset=DatasetRef(
                type="webrtc",
                path=request.file_name,
                size_bytes=request.size_bytes,
                checksum=request.checksum,
                file_name=request.file_name,
            ),
            created_by=_owner(session),
            created_at=now,
            traceparent="",
        )
        return job_steps.queued(job, now, "submitted over a live session")

    async def _work(self, job: _DirectJob, record: Job, jobs: JobStore) -> None:
        message = Message(record.job_id, JobMessage.of(record).model_dump_json(), "", 1)
        outcome: object = None
        try:
            with self._shift.at_work():
                outcome = await job.runner.handle(message)
        except Exception:
            log.exception("job %s of %s", record.job_id, job.owner)
        finally:
            self._slot.give_back()
            job.result = _result(job, jobs.get(record.room_id, record.job_id), outcome)
        self._shift.settled()

    def _collected(self, session: PeerSession, request: CollectJob) -> JobResult:
        job = self._known(session, request.job_id)
        if job is None:
            return JobResult(id=request.id, job_id=request.job_id, state="unknown")
        if job.result is None:
            return JobResult(id=request.id, job_id=request.job_id, state="working")
        return job.result.model_copy(update={"id": request.id})

    def _known(self, session: PeerSession, job_id: str) -> _DirectJob | None:
        job = self._jobs.get(job_id)
        return job if job is not None and job.owner == _owner(session) else None


class _Nobody:
    """Nobody follows the room of a process."""

    def publish(self, room_id: str) -> None:
        """Wake nobody."""


def _owner(session: PeerSession) -> str:
    """Return whose client it is; each run of it has a name of its own behind that."""
    return session.peer_id.partition(PEER_NAME_SEPARATOR)[0]


def _result(job: _DirectJob, record: Job, outcome: object) -> JobResult:
    made = tuple(_made(taken) for taken in job.models.taken)
    if made and record.failure is None and not isinstance(outcome, RetryLater):
        return JobResult(id=1, job_id=record.job_id, state="done", model=made[-1], earlier=made[:-1])
    if record.failure is not None:
        code, why = record.failure.code, record.failure.message
    elif isinstance(outcome, RetryLater):
        code, why = "gave_up", outcome.reason
    else:
        code, why = "unexpected", "something that nobody thought of; the worker's log says what"
    return JobResult(
        id=1, job_id=record.job_id, state="failed", code=code[:40], why=why[:_MOST_WHY_CHARACTERS]
    )


def _made(taken: Taken) -> MadeModel:
    record = taken.record
    return MadeModel(
        model_id=record.model_id,
        model_type=record.model_type,
        files=tuple(
            MadeFile(name=file.name, size_bytes=file.size_bytes, checksum=file.checksum)
            for file in record.files
        ),
        in_room=taken.in_room,
    )
