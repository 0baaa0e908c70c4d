"""The commands on sleap-nn itself, in an environment of its own; see the marker `train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.command_suite import CommandSuite
from support.sleap_nn import SMALL, VERSION, needs_sleap_nn, on_path
from support.watched_training import WatchedTraining

from sleap_rtc.events.job_commands import SetLearningRate, Stop
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.errors import JobFailed
from sleap_rtc.worker.package import TrainingPackage, unpack
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.training_events import BatchEnded, EpochEnded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.worker.trainer import Trainer

pytestmark = [pytest.mark.train, needs_sleap_nn]


@pytest.fixture(autouse=True)
def _sleap_nn_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(monkeypatch)


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[[], TrainingPackage]:
    def make() -> TrainingPackage:
        make_example_package(tmp_path / "Mäuse 1.zip", frames=24, size=96)
        (tmp_path / "my package").mkdir()
        return unpack(tmp_path / "Mäuse 1.zip", tmp_path / "my package")[0]

    return make


class TestSleapNn(CommandSuite):
    @pytest.fixture
    def trainer(self) -> Trainer:
        return SubprocessTrainer("sleap-nn")

    @pytest.fixture
    def overrides(self) -> dict[str, str]:
        return {**SMALL, "trainer_config.max_epochs": "1000"}


@pytest.mark.parametrize(
    ("overrides", "code", "words"),
    [
        ({"trainer_config.optimizer.lr": "1e20"}, "training_diverged", "The loss became nan in batch "),
        ({"trainer_config.optimizer_name": "Foo"}, "config_refused", "optimizer_name must be one of"),
    ],
)
def test_sleap_nn_says_why_it_ended(
    make_package: Callable[[], TrainingPackage], overrides: dict[str, str], code: str, words: str
) -> None:
    trainer = SubprocessTrainer("sleap-nn")
    with (
        WatchedTraining(trainer, make_package(), SMALL | overrides) as training,
        pytest.raises(JobFailed) as caught,
    ):
        training.result()
    assert (caught.value.code, words in str(caught.value)) == (code, True)


def test_a_training_goes_on_from_its_checkpoint_with_the_rate_that_was_set(
    make_package: Callable[[], TrainingPackage],
) -> None:
    package = make_package()
    with WatchedTraining(SubprocessTrainer("sleap-nn"), package, SMALL) as training:
        training.since(0, EpochEnded)
        training.tell(SetLearningRate(value=0.00025))
        training.next(EpochEnded)
        training.tell(Stop())
        first = training.result()
    assert any(line.startswith("sleap-nn: epoch 2/") for line in training.lines)
    kept = package.folder / "before.ckpt"
    (first.folder / "last.ckpt").rename(kept)
    again = {**SMALL, "trainer_config.resume_ckpt_path": kept.name}
    with WatchedTraining(SubprocessTrainer("sleap-nn"), package, again) as training:
        batch = training.since(0, BatchEnded)
    assert batch.logs["train/lr"] == 0.00025
    assert batch.epoch >= len(first.epochs) - 1
    assert first.software["trainer"] == VERSION
    assert {"torch", "lightning", "sleap-io"} <= set(first.software)
