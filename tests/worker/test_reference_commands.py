"""The commands on the reference trainer, in a process of its own."""

from __future__ import annotations

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


class TestReferenceTrainer(CommandSuite):
    @pytest.fixture
    def trainer(self) -> Trainer:
        return SubprocessTrainer("reference")

    @pytest.fixture
    def make_package(self, tmp_path: Path) -> Callable[[], TrainingPackage]:
        def make() -> TrainingPackage:
            make_example_package(tmp_path / "tiny.zip", frames=12, size=32)
            (tmp_path / "package").mkdir()
            return unpack(tmp_path / "tiny.zip", tmp_path / "package")[0]

        return make

    @pytest.fixture
    def overrides(self) -> dict[str, str]:
        return {"trainer_config.max_epochs": "100000"}
