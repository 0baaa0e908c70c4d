"""The commands on sleap-nn itself, in an environment of its own; see the marker `train`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.command_suite import CommandSuite

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.package import TrainingPackage, unpack
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sleap_rtc.worker.trainer import Trainer

BIN = "SLEAP_RTC_TEST_SLEAP_NN"
SMALL = {
    "trainer_config.trainer_accelerator": "cpu",
    "trainer_config.trainer_devices": "1",
    "trainer_config.visualize_preds_during_training": "false",
    "trainer_config.min_train_steps_per_epoch": "5",
    "trainer_config.train_data_loader.batch_size": "4",
    "model_config.backbone_config.unet.filters": "8",
}
"""A training that a CPU can do; everything else is as in the configuration that a lab would send."""

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(BIN not in os.environ, reason=f"{BIN} names no environment: `make test-train`"),
]


@pytest.fixture(autouse=True)
def _sleap_nn_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{os.environ.get(BIN)}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[[], TrainingPackage]:
    def make() -> TrainingPackage:
        make_example_package(tmp_path / "Mäuse 1.zip", frames=24, size=96)
        (tmp_path / "my package").mkdir()
        return unpack(tmp_path / "Mäuse 1.zip", tmp_path / "my package")

    return make


class TestSleapNn(CommandSuite):
    @pytest.fixture
    def trainer(self) -> Trainer:
        return SubprocessTrainer("sleap-nn")

    @pytest.fixture
    def overrides(self) -> dict[str, str]:
        return {**SMALL, "trainer_config.max_epochs": "1000"}
