"""The course of a training, with the reference trainer; `tests/train` has it with sleap-nn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.training_course import FRAMES, SIZE_PX, CourseEngine, go_the_course

from sleap_rtc.local.example_animal import film
from sleap_rtc.worker.reference_trainer import TRAINER_NAME, TRAINER_VERSION
from sleap_rtc.worker.reference_trainer.prediction import predict

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from support.product import Product


def predicted(model: Path, package: Path, frame: int) -> NDArray[np.float64]:
    del package
    return predict(model / "best.ckpt", list(film(FRAMES, SIZE_PX, 0))[frame].pixels)


REFERENCE = CourseEngine(
    name="reference",
    software=f"{TRAINER_NAME} {TRAINER_VERSION}",
    settings={"trainer_config.max_epochs": "1000000"},
    keeps_rate=False,
    predict=predicted,
)


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param((True, False), id="a role, then a desktop"),
        pytest.param((False, True), id="a desktop, then a role", marks=pytest.mark.faults),
    ],
)
@pytest.mark.timeout(300)
def test_a_training_is_steered_survives_its_worker_and_leaves_a_model_that_predicts(
    product: Product, tmp_path: Path, credentials: tuple[bool, bool]
) -> None:
    go_the_course(product, REFERENCE, tmp_path, credentials)
