"""A real training that is broken off and goes on, without a worker around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.desktop import MemoryLab
from support.jobs import LEASE_S, make_job
from support.product import eventually

from sleap_rtc.events.jobs import JobCancelled, JobRequest
from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import ModelTurn
from sleap_rtc.storage.model_folder import checksum_of
from sleap_rtc.storage.s3_store import S3ObjectStore
from sleap_rtc.storage.s3_transfers import S3Transfers
from sleap_rtc.worker.checkpoint_keeper import CheckpointKeeper, TrainingFacts
from sleap_rtc.worker.held_job import HeldJob
from sleap_rtc.worker.package import unpack
from sleap_rtc.worker.resumable_training import Checkpointing, ResumableTraining
from sleap_rtc.worker.s3_checkpoints import S3Checkpoints
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.training_events import EpochEnded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from types_boto3_s3 import S3Client

    from sleap_rtc.events.checkpoints import Checkpoint
    from sleap_rtc.worker.package import TrainingPackage
    from sleap_rtc.worker.trainer import TrainingResult
    from sleap_rtc.worker.training_events import OnEvent, TrainingEvent

RARELY_S = 3600
REQUEST = JobRequest(overrides={"trainer_config.max_epochs": "100000"})


class Attempt:
    """One attempt at a job, in a folder of its own, that is told to stop after some epochs."""

    def __init__(self, folder: Path, archive: Path, store: S3Checkpoints, number: int) -> None:
        self.folder = folder / f"attempt {number}"
        (self.folder / "package").mkdir(parents=True)
        self.package: TrainingPackage = unpack(archive, self.folder / "package")[0]
        self.held = HeldJob(MemoryLab().desk(), make_job(fencing=number, request=REQUEST), LEASE_S)
        self.trainer = SubprocessTrainer("reference")
        self.store = store
        self.said: list[str] = []
        self.epochs: list[int] = []
        self.cancelled_by = ""

    def facts(self) -> TrainingFacts:
        config = checksum_of(self.package.config)
        return TrainingFacts(self.held.hold, 0, self.package.model_type, config, self.trainer.title)

    def trains(self, epochs: int) -> list[int]:
        """Train until it is told to stop after so many epochs; return those of the curve."""

        def train(options: Mapping[str, str], heard: OnEvent) -> TrainingResult:
            def on_event(event: TrainingEvent) -> None:
                heard(event)
                if isinstance(event, EpochEnded):
                    self.epochs.append(event.epoch)
                    if len(self.epochs) == epochs:
                        self._stop()

            stop = self.held.stop
            return self.trainer.train(self.package, options, self.said.append, stop, on_event=on_event)

        training = ResumableTraining(
            Checkpointing(self.store, RARELY_S),
            self.held,
            self.package,
            ModelTurn(),
            self.trainer.title,
            self.folder / "copies",
            self.said.append,
        )
        return [row["epoch"] for row in training.run(train).epochs]

    def _stop(self) -> None:
        if self.cancelled_by:
            eventually(lambda: self.store.find(self.held.hold) is not None)
            number = self.held.hold.fencing
            self.held.lost = JobCancelled(held=number, current=number, by=self.cancelled_by)
        self.held.stop.set()

    def kept(self) -> Checkpoint:
        kept = self.store.find(self.held.hold)
        assert kept is not None
        return kept


@pytest.fixture
def store(s3: S3Client, bucket: str) -> S3Checkpoints:
    return S3Checkpoints(S3ObjectStore(s3, bucket), S3Transfers(s3, bucket))


def test_a_training_that_is_told_to_stop_leaves_its_last_epoch_and_the_next_attempt_goes_on(
    store: S3Checkpoints, small_package: Path, tmp_path: Path
) -> None:
    first = Attempt(tmp_path, small_package, store, 1)
    first.trains(4)
    kept = first.kept().epoch
    assert kept >= 3, "the first epoch's was the last that was brought"
    second = Attempt(tmp_path, small_package, store, 2)
    curve = second.trains(2)
    assert second.epochs[0] > kept
    assert curve == list(range(len(curve)))
    assert any("going on from the checkpoint after epoch" in line for line in second.said)


def test_a_trainer_that_does_not_go_on_from_a_checkpoint_starts_over(
    store: S3Checkpoints, small_package: Path, tmp_path: Path
) -> None:
    attempt = Attempt(tmp_path, small_package, store, 1)
    (tmp_path / "last.ckpt").write_bytes(b"whole, and no checkpoint of this trainer")
    with CheckpointKeeper(store, attempt.facts(), tmp_path, tmp_path / "copies", 0) as keeper:
        keeper.epoch_ended(7, {})
        keeper.finish(60)
    assert attempt.trains(2)[:2] == [0, 1]
    assert any("does not go on from it, so training starts over" in line for line in attempt.said)


def test_a_job_that_is_cancelled_in_mid_training_leaves_no_checkpoint(
    s3: S3Client, bucket: str, store: S3Checkpoints, small_package: Path, tmp_path: Path
) -> None:
    attempt = Attempt(tmp_path, small_package, store, 1)
    attempt.cancelled_by = "Ada"
    attempt.trains(2)
    hold = attempt.held.hold
    left = S3ObjectStore(s3, bucket).list(keys.checkpoint_prefix(hold.room_id, hold.job_id))
    assert list(left) == []
