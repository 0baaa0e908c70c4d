"""A model that a worker trained, as its record and its room tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.desktop import ROOMS

from sleap_rtc.storage import keys
from sleap_rtc.storage.manifest import ModelRecord

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product


def test_a_trained_model_tells_what_it_was_made_with(product: Product, small_package: Path) -> None:
    room = product.new_room()
    options = ("--set", "trainer_config.max_epochs=2", "--detach")
    assert product.run("client-train", "-p", str(small_package), "-r", room, *options).status == 0
    worker = product.worker(room)
    job = product.wait_for_job(room, "published")
    worker.stop()
    (model,) = product.run("models", "ls", "-r", room, "--json").json()
    folder = keys.ModelFolder(room, model["model_type"], model["id"])
    record = ModelRecord.model_validate_json(product.objects(ROOMS).get(folder.record).body)
    assert model["training"]["config_hash"] == record.config_checksum != ""
    assert (record.dataset_checksum, record.job_id) == (job["dataset"]["checksum"], job["job_id"])
    assert (record.hyperparameters["max_epochs"], record.software["trainer"]) == (2, "reference trainer 1.0")
    assert ([row["epoch"] for row in record.metrics["curve"]], "curve" in model["training"]["metrics"]) == (
        [0, 1],
        False,
    )
