"""Workers that end in mid-training in other ways than `test_training_course.py` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.product import eventually
from support.top_down import make_top_down_package
from support.training_scene import PATIENCE_S, TrainingScene, assert_whole

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.storage.object_store import Overwrite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.product import Product

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SLOW_AND_ENDLESS = {
    "trainer_config.max_epochs": "100000",
    "trainer_config.train_data_loader.batch_size": "1",
}
RARELY = "3600"


@pytest.fixture
def scene(product: Product, tmp_path: Path) -> Iterator[TrainingScene]:
    package = tmp_path / "Mäuse 2.zip"
    make_example_package(package, frames=24, size=64)
    with TrainingScene(product, package, SLOW_AND_ENDLESS) as scene:
        yield scene


@pytest.fixture
def scene_of_two_models(product: Product, tmp_path: Path) -> Iterator[TrainingScene]:
    package = make_top_down_package(tmp_path / "Mäuse 3.zip", frames=24)
    with TrainingScene(product, package, SLOW_AND_ENDLESS) as scene:
        yield scene


def goes_on_to_its_end(scene: TrainingScene, trainings: int = 2) -> None:
    """Stop the training that is the last one once it has done two epochs; the model has every one."""
    eventually(lambda: scene.trainings() == trainings and len(scene.trained()) > 1, PATIENCE_S)
    scene.tell("stop")
    assert_whole(scene.published())


def test_a_worker_that_is_told_to_stop_brings_its_checkpoint_before_it_gives_the_job_back(
    scene: TrainingScene,
) -> None:
    stopped = scene.worker(every_s=RARELY)
    eventually(lambda: scene.epoch_kept() >= 0 and len(scene.trained()) > 3, PATIENCE_S)
    first = scene.epoch_kept()
    stopped.terminate()
    assert stopped.wait(60) == 0
    kept = scene.epoch_kept()
    assert kept > first
    scene.worker()
    goes_on_to_its_end(scene)
    assert scene.trained()[0] > kept


def test_a_checkpoint_with_a_wrong_byte_costs_the_epochs_and_not_the_job(scene: TrainingScene) -> None:
    killed = scene.worker(every_s=RARELY)
    # A worker that is killed takes along what its log had not sent yet.
    eventually(lambda: scene.kept is not None and bool(scene.trained()), PATIENCE_S)
    scene.kill_9(killed)
    assert scene.kept is not None
    key = scene.kept.folder.file("last.ckpt")
    body = scene.objects.get(key).body
    scene.objects.put(key, body[:-1] + bytes([body[-1] ^ 1]), Overwrite())
    scene.worker()
    goes_on_to_its_end(scene)
    assert scene.trained()[0] == 0
    assert "is of no use, so training starts over" in scene.log()


def test_a_worker_killed_in_its_second_model_costs_nothing_of_the_first(
    scene_of_two_models: TrainingScene,
) -> None:
    scene = scene_of_two_models
    killed = scene.worker()
    eventually(lambda: len(scene.trained()) > 1, PATIENCE_S)
    scene.tell("stop")
    eventually(lambda: scene.trainings() == 2 and bool(scene.trained()), PATIENCE_S)
    eventually(lambda: scene.kept is not None and scene.kept.turn == 1, PATIENCE_S)
    scene.kill_9(killed)
    (first,) = scene.product.job(scene.room)["models"]
    kept = scene.epoch_kept()
    scene.worker()
    goes_on_to_its_end(scene, trainings=3)
    assert scene.trained()[0] > kept
    assert f"model {first['model_id']} (centroid) of an earlier attempt counts" in scene.log()
    made = scene.product.job(scene.room)["models"]
    assert [made[0], made[1]["model_type"]] == [first, "centered_instance"]
