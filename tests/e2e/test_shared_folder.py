"""A package that the worker sees where it lies: nothing of it travels."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from support.desktop import UPLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

FAST = ("--set", "trainer_config.max_epochs=2")


def test_a_package_in_the_shared_folder_is_trained_in_place(
    product: Product, small_package: Path, tmp_path: Path
) -> None:
    # It is mounted at one place on the laptop and at another on the GPU's machine.
    (tmp_path / "laptop" / "mice").mkdir(parents=True)
    shutil.copy(small_package, tmp_path / "laptop" / "mice" / "Tag 3.zip")
    (tmp_path / "gpu").symlink_to(tmp_path / "laptop")
    room = product.new_room()
    worker = product.worker(room, SLEAP_RTC_SHARED_DIR=str(tmp_path / "gpu"))
    package = tmp_path / "laptop" / "mice" / "Tag 3.zip"
    shared = {"SLEAP_RTC_SHARED_DIR": str(tmp_path / "laptop")}
    told = product.run("client-train", "-p", str(package), "-r", room, *FAST, "--json", **shared)
    worker.stop()
    lines = told.json_lines()
    assert lines[0]["transport"] == "local"
    assert lines[-1]["kind"] == "pulled"
    job = product.job(room)
    assert (job["dataset"]["type"], job["dataset"]["path"]) == ("local", "mice/Tag 3.zip")
    assert list(product.objects(UPLOADS).list(f"uploads/{room}/")) == []
    assert (
        "reading mice/Tag 3.zip in the shared folder"
        in product.run("jobs", "logs", job["job_id"], "-r", room).out
    )


def test_a_worker_that_does_not_see_the_folder_says_so(
    product: Product, small_package: Path, tmp_path: Path
) -> None:
    shutil.copy(small_package, tmp_path / "small.zip")
    room = product.new_room()
    worker = product.worker(room)
    told = product.run(
        "client-train", "-p", str(tmp_path / "small.zip"), "-r", room, SLEAP_RTC_SHARED_DIR=str(tmp_path)
    )
    worker.stop()
    assert told.status == 8, told.err
    assert "Mount the folder there (shared_dir), or submit the job with --force-transport s3" in told.sentence
    assert product.job(room)["failure"]["code"] == "dataset_not_here"
