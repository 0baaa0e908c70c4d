"""Checkpoints on their way to the room and back: the newest whole one counts, and a bad one harms nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.product import eventually

from sleap_rtc.events.job_reports import Hold
from sleap_rtc.events.job_store import JobStore
from sleap_rtc.events.jobs import LeaseLost
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import Unreachable
from sleap_rtc.storage.object_store import Overwrite
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.storage.stop_signal import StopSignal
from sleap_rtc.worker.checkpoint_copy import joined
from sleap_rtc.worker.checkpoint_keeper import CheckpointKeeper, TrainingFacts
from sleap_rtc.worker.resumption import RESUME_FROM, Resumption, brought
from sleap_rtc.worker.s3_checkpoints import S3Checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

    from sleap_rtc.events.checkpoints import Checkpoint

ROOM, JOB = "mice-1", "01J00000000000000000000000"
FACTS = TrainingFacts(Hold(ROOM, JOB, 1), 0, "centroid", "crc64nvme:AAAAAAAAAAA=", "reference trainer")
LATER = replace(FACTS, hold=Hold(ROOM, JOB, 2))


class Run:
    """A training in a folder, and a store for its checkpoints."""

    def __init__(self, folder: Path, objects: S3ObjectStore, transfers: S3Transfers) -> None:
        self.folder = folder
        self.objects = objects
        self.store: Any = S3Checkpoints(objects, transfers)
        self.said: list[str] = []
        self.run = folder / "models" / "centroid"
        self.run.mkdir(parents=True)

    def keeper(self, facts: TrainingFacts = FACTS, every_s: float = 0) -> CheckpointKeeper:
        return CheckpointKeeper(self.store, facts, self.run, self.folder / "copies", every_s)

    def trains(self, keeper: CheckpointKeeper, epoch: int) -> None:
        """Do what an engine does at the end of an epoch."""
        (self.run / "last.ckpt").write_bytes(b"last %d" % epoch * 1000)
        (self.run / "best.ckpt").write_bytes(b"best %d" % epoch * 1000)
        keeper.epoch_ended(epoch, {"loss": 1 / (epoch + 1)})

    def kept(self) -> Checkpoint | None:
        return S3Checkpoints.find(self.store, FACTS.hold)

    def trained(self, *epochs: int, facts: TrainingFacts = FACTS) -> Checkpoint:
        """Train epochs, and have the last of them kept."""
        with self.keeper(facts) as keeper:
            for epoch in epochs:
                self.trains(keeper, epoch)
            keeper.finish(60)
        kept = self.kept()
        assert kept is not None
        return kept

    def brought(self, facts: TrainingFacts = LATER) -> Resumption | None:
        return brought(self.store, facts, self.folder, self.said.append, StopSignal())


@pytest.fixture
def run(tmp_path: Path, s3: S3Client, bucket: str) -> Run:
    return Run(tmp_path, S3ObjectStore(s3, bucket), S3Transfers(s3, bucket))


def test_the_next_attempt_finds_what_the_last_one_kept(run: Run) -> None:
    kept = run.trained(0, 1, 2)
    assert (kept.epoch, [file.name for file in kept.files]) == (2, ["last.ckpt", "best.ckpt", "curve.json"])
    found = run.brought()
    assert found is not None
    assert (run.folder / found.options[RESUME_FROM]).read_bytes() == b"last 2" * 1000
    assert (run.folder / ".resume" / "best.ckpt").read_bytes() == b"best 2" * 1000
    assert [row["epoch"] for row in found.rows] == [0, 1, 2]
    assert run.said == ["going on from the checkpoint after epoch 3, verified"]


def test_a_job_without_a_checkpoint_begins_at_the_beginning_and_says_nothing(run: Run) -> None:
    assert run.brought() is None
    assert run.said == []


def test_a_checkpoint_with_a_wrong_byte_is_left_alone(run: Run) -> None:
    kept = run.trained(0)
    key = kept.folder.file("last.ckpt")
    run.objects.put(key, b"l" + run.objects.get(key).body[:-1], Overwrite())
    assert run.brought() is None
    (said,) = run.said
    assert said.startswith("the checkpoint of an earlier attempt is of no use, so training starts over")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"config_checksum": "crc64nvme:BBBBBBBBBBA="}, "another configuration"),
        ({"model_type": "centered_instance"}, "another configuration"),
        ({"trainer": "sleap-nn"}, "this worker trains with the sleap-nn"),
    ],
)
def test_a_checkpoint_of_another_training_is_left_alone(run: Run, changed: dict[str, Any], why: str) -> None:
    run.trained(0)
    assert run.brought(replace(LATER, **changed)) is None
    assert why in run.said[0]


def test_a_record_that_nobody_can_read_is_left_alone_and_replaced(run: Run) -> None:
    run.objects.put(keys.checkpoint_key(ROOM, JOB), b"{", Overwrite())
    assert run.brought() is None
    assert "training starts over" in run.said[0]
    assert run.trained(0, facts=LATER).fencing == LATER.hold.fencing


def test_a_worker_that_was_lost_does_not_replace_the_checkpoint_of_the_next(run: Run) -> None:
    stale = run.trained(5)
    run.trained(3, facts=LATER)
    with pytest.raises(LeaseLost):
        run.store.keep(stale)
    kept = run.kept()
    assert kept is not None
    assert (kept.fencing, kept.epoch) == (2, 3)


def test_a_new_checkpoint_never_touches_the_files_of_the_one_that_counts(run: Run) -> None:
    first = run.trained(0)
    second = run.trained(1)
    third = run.trained(2)
    assert [each.slot for each in (first, second, third)] == ["a", "b", "a"]


def test_only_the_newest_is_brought_when_several_come_at_once(run: Run) -> None:
    with run.keeper(every_s=3600) as keeper:
        run.trains(keeper, 0)
        eventually(lambda: run.kept() is not None)
        for epoch in range(1, 6):
            run.trains(keeper, epoch)
        keeper.finish(60)
    kept = run.kept()
    assert kept is not None
    assert (kept.epoch, kept.slot) == (5, "b")


class Away:
    """A store that does not answer, and can be waited for."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def find(self, hold: Hold) -> None:
        self.asked.set()
        raise Unreachable(where="S3", why="down")


def test_a_store_that_is_away_costs_the_checkpoint_and_nothing_else(run: Run) -> None:
    run.store = away = Away()
    with run.keeper() as keeper:
        run.trains(keeper, 0)
        assert away.asked.wait(60)
        run.trains(keeper, 1)
        keeper.finish(60)
    assert run.brought() is None
    assert "S3" in run.said[0]


def test_what_is_kept_of_a_job_is_removed_when_it_has_ended(run: Run) -> None:
    run.trained(0, 1)
    other = keys.job_key(ROOM, JOB)
    run.objects.put(other, b"{}", Overwrite())
    JobStore(run.objects).forget(ROOM, JOB)
    assert [info.key for info in run.objects.list(f"{ROOM}/")] == [other]


def test_a_cancelled_job_leaves_nothing_that_its_worker_brought_too_late(run: Run) -> None:
    run.trained(0)
    run.store.discard(FACTS.hold)
    assert list(run.objects.list(keys.checkpoint_prefix(ROOM, JOB))) == []


@pytest.mark.parametrize(
    ("earlier", "later", "whole"),
    [
        ([0, 1, 2], [3, 4], [0, 1, 2, 3, 4]),
        ([0, 1, 2], [2, 3], [0, 1, 2, 3]),
        ([0, 1], [], [0, 1]),
        ([], [0, 1], [0, 1]),
    ],
)
def test_a_curve_has_every_epoch_once(earlier: list[int], later: list[int], whole: list[int]) -> None:
    rows = joined([{"epoch": epoch} for epoch in earlier], [{"epoch": epoch} for epoch in later])
    assert [row["epoch"] for row in rows] == whole
