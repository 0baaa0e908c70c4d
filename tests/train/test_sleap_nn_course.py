"""The whole course of a training with sleap-nn itself; see the marker `train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.sleap_nn import SMALL, VERSION, needs_sleap_nn, on_path, predicted
from support.training_course import CourseEngine, go_the_course

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

pytestmark = [pytest.mark.train, needs_sleap_nn, pytest.mark.timeout(400)]

SLEAP_NN = CourseEngine(
    name="sleap-nn",
    software=VERSION,
    settings={
        **SMALL,
        "trainer_config.max_epochs": "1000000",
        "data_config.use_augmentations_train": "false",
    },
    keeps_rate=True,
    predict=predicted,
)


def test_a_training_by_sleap_nn_is_steered_survives_its_worker_and_leaves_a_model_that_predicts(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch)
    go_the_course(product, SLEAP_NN, tmp_path)
