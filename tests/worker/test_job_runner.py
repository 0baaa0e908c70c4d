"""What a worker says of a job that does not go well: given back, failed, or left to whoever has it now."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest
from support.jobs import LEASE_S, MOST_ATTEMPTS, ROOM, House
from support.loop import run

from sleap_rtc.events.job_desk import StoreJobDesk
from sleap_rtc.events.job_reports import JobRules
from sleap_rtc.events.jobs import Job, JobState
from sleap_rtc.events.messages import JobMessage
from sleap_rtc.events.outcome import Done, Outcome, Poison, RetryLater
from sleap_rtc.events.queue import Message
from sleap_rtc.live.job_board import JobBoard
from sleap_rtc.storage.blob_cache import BlobCache
from sleap_rtc.storage.errors import IntegrityError, Refused, TransferFailed, Unreachable
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.worker.downloader import S3Downloader
from sleap_rtc.worker.job_runner import JobRunner
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.resumable_training import Checkpointing
from sleap_rtc.worker.s3_checkpoints import S3Checkpoints
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from pathlib import Path

    from sleap_rtc.storage.manifest import ModelFile, ModelRecord

NO_CHECKPOINTS = S3Checkpoints(MemoryObjectStore(), None)  # type: ignore[arg-type] # none is sent
OUTAGE = Unreachable(where="S3", why="down")
CUT = TransferFailed(what="mice.zip", why="no route")
CORRUPT = IntegrityError(what="mice.zip", expected="a", found="b")
DENIED = Refused(where="S3", why="no role")


class NoDatasets:
    """A source whose datasets do not come, for the reason that a test gives."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def find(self, dataset: object) -> Any:
        raise self._error


class NoModels:
    """Where no model ever comes to."""

    def open(self, record: ModelRecord, file: ModelFile) -> Any:
        raise AssertionError(record)

    def put_empty(self, record: ModelRecord, file: ModelFile) -> None:
        raise AssertionError(record)

    def publish(self, record: ModelRecord) -> None:
        raise AssertionError(record)


class Desk:
    """A worker without datasets, and a room with a job."""

    def __init__(self, folder: Path, error: Exception) -> None:
        self.house = House()
        self.board = JobBoard()
        self.job = self.house.queued()
        rules = JobRules(LEASE_S, MOST_ATTEMPTS)
        desk = StoreJobDesk(self.house.rooms, self.house.jobs, self.house.feed, rules)
        self.runner = JobRunner(
            worker_id="w1",
            room_id=ROOM,
            desk=desk,
            downloader=S3Downloader(NoDatasets(error)),
            cache=BlobCache(folder / "cache", 0, 0),
            publisher=ModelPublisher(NoModels()),
            checkpointing=Checkpointing(NO_CHECKPOINTS, 0),
            trainer=lambda _: SubprocessTrainer("reference"),
            work_dir=folder,
            lease_s=LEASE_S,
            board=self.board,
        )

    def wakes(self, message_id: str = "m1", **changed: Any) -> Outcome:
        """Deliver the job's message."""
        body = JobMessage.of(self.job).model_copy(update=changed).model_dump_json()
        return run(self.runner.handle(Message(message_id, body, "handle", 1)))

    @property
    def now(self) -> Job:
        return self.house.job(self.job)


@pytest.mark.parametrize(("error", "spent"), [(OUTAGE, 0), (CUT, 1), (ValueError("odd"), 1)])
def test_what_may_pass_gives_the_job_back_for_a_while(tmp_path: Path, error: Exception, spent: int) -> None:
    desk = Desk(tmp_path, error)
    outcome = desk.wakes()
    assert isinstance(outcome, RetryLater)
    assert (desk.now.state, desk.now.spent) == (JobState.REQUEUED, spent)
    assert desk.now.not_before is not None
    assert str(error) in desk.now.history[-1].event


def test_a_job_that_waits_is_not_tried_before_its_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, OUTAGE)
    desk.wakes()
    outcome = desk.wakes("m2")
    assert isinstance(outcome, RetryLater)
    assert (outcome.delay_s > 4, desk.now.attempt) == (True, 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CORRUPT, "dataset_corrupt"),
        (DENIED, "refused"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
    ],
)
def test_what_cannot_pass_fails_the_job_with_a_code(tmp_path: Path, error: Exception, code: str) -> None:
    desk = Desk(tmp_path, error)
    assert desk.wakes() == Done()
    assert desk.now.failure is not None
    assert desk.now.failure.code == code


def test_a_worker_that_is_told_to_stop_costs_the_job_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, CUT)
    desk.runner.stop()
    assert desk.wakes() == RetryLater(0, "the worker shuts down")
    assert (desk.now.state, desk.now.spent, desk.now.not_before) == (JobState.REQUEUED, 0, None)


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"room_id": "rats-2"}, "foreign_room"), ({"job_id": "01J00000000000000000000000"}, "unknown_job")],
)
def test_a_wake_up_that_is_not_for_this_worker_is_poison(
    tmp_path: Path, changed: dict[str, str], code: str
) -> None:
    outcome = Desk(tmp_path, OUTAGE).wakes(**changed)
    assert isinstance(outcome, Poison)
    assert outcome.code == code


def test_a_job_that_ended_needs_no_worker(tmp_path: Path) -> None:
    desk = Desk(tmp_path, CORRUPT)
    desk.wakes()
    assert desk.wakes("m2") == Done()
    assert desk.now.attempt == 1


def test_nothing_is_left_in_the_work_folder(tmp_path: Path) -> None:
    Desk(tmp_path, CORRUPT).wakes()
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []
