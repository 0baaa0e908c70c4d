"""The main job through the commands that users type."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.worker.reference_trainer.prediction import predict

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

import numpy as np

FAST = ("--set", "trainer_config.max_epochs=2")


def test_the_demo_ends_with_a_verified_model_and_says_one_trace(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "sleap_rtc.client", "demo"],
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Every hop was verified." in told.stdout
    assert list((tmp_path / ".sleap-rtc" / "models").glob("single_instance_*/best.ckpt"))
    printed = re.findall(r"trace ([0-9a-f]{32})", told.stdout)
    assert len(printed) >= 2
    assert len(set(printed)) == 1


def test_train_show_list_and_pull(product: Product, package: Path) -> None:
    room = product.new_room()
    worker = product.worker(room)
    told = product.run("client-train", "--pkg_path", str(package), "--room_id", room, *FAST, "--json")
    lines = told.json_lines()
    states = [line["state"] for line in lines if line["kind"] == "event"]
    assert states == ["queued", "claimed", "downloading", "training", "uploading", "published"]
    uploaded = next(line for line in lines if line["kind"] == "uploaded")
    assert uploaded["parts"] > 1
    kinds = [line["kind"] for line in lines]
    assert kinds[:2] == ["transport", "progress"]
    assert kinds[-2:] == ["progress", "pulled"]
    assert lines[-2]["done_bytes"] == lines[-1]["size_bytes"]

    job = product.job(room)
    (model,) = product.run("models", "ls", "-r", room, "--json").json()
    assert model["training"]["job_id"] == job["job_id"]
    assert model["training"]["dataset_hash"] == uploaded["checksum"]
    assert model["training"]["trainer"] == "reference trainer"

    elsewhere = product.home / "elsewhere"
    pulled = product.run("models", "pull", model["id"], "-r", room, "-o", str(elsewhere))
    assert pulled.status == 0, pulled.err
    checkpoint = elsewhere / f"single_instance_{model['id']}" / "best.ckpt"
    assert predict(checkpoint, np.zeros((384, 384), np.uint8)).shape == (3, 2)
    registry = ClientModelRegistry(product.home / ".sleap-rtc" / "models" / "manifest.json")
    entry = registry.get(model["id"])
    assert entry is not None
    assert entry["local_path"] == str(checkpoint.parent)

    log = product.run("jobs", "logs", job["job_id"], "-r", room).out
    assert "reference trainer: epoch 2/2" in log
    shown = product.run("jobs", "show", job["job_id"], "-r", room).out
    assert "S3 notice model.json@" in shown
    worker.stop()


def test_a_job_waits_for_its_worker_while_the_client_is_away(product: Product, small_package: Path) -> None:
    room = product.new_room()
    sent = product.run("client-train", "-p", str(small_package), "-r", room, *FAST, "--detach")
    assert sent.status == 0, sent.err
    product.wait_for_job(room, "queued")
    worker = product.worker(room)
    job = product.wait_for_job(room, "published")
    followed = product.run("jobs", "logs", "-f", job["job_id"], "-r", room)
    assert "published" in followed.out
    worker.stop()


def test_an_upload_can_be_put_listed_and_aborted(product: Product, small_package: Path) -> None:
    room = product.new_room()
    *progress, put = product.run("uploads", "put", str(small_package), "-r", room, "--json").json_lines()
    assert {line["kind"] for line in progress} == {"progress"}
    assert (progress[-1]["done_bytes"], put["kind"]) == (small_package.stat().st_size, "uploaded")
    (upload,) = product.run("uploads", "ls", "-r", room, "--json").json()
    assert (upload["state"], upload["checksum"]) == ("completed", put["checksum"])
    refused = product.run("uploads", "abort", put["upload_id"])
    assert (refused.status, "complete" in refused.sentence) == (3, True)


def test_a_package_that_the_room_has_is_trained_with_again_and_not_sent(
    product: Product, small_package: Path, tmp_path: Path
) -> None:
    room = product.new_room()
    first = product.run("uploads", "put", str(small_package), "-r", room, "--json").json_lines()[-1]
    copy = tmp_path / "copy.zip"
    copy.write_bytes(small_package.read_bytes())
    again = product.run("uploads", "put", str(copy), "-r", room, "--json").json_lines()[-1]
    assert (first["already_present"], again["already_present"]) == (False, True)
    worker = product.worker(room)
    trained = product.run("client-train", "-p", str(copy), "-r", room, *FAST)
    worker.stop()
    assert trained.status == 0, trained.err
    assert "copy.zip is already in the room as small.zip, so nothing was sent." in trained.out
    job, (upload,) = product.job(room), product.run("uploads", "ls", "-r", room, "--json").json()
    assert (job["state"], job["dataset"]["path"]) == ("published", upload["path"])


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['sleap-rtc', '--help']\n"
        "from sleap_rtc.client.root import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'boto3', 'botocore', 'aiobotocore', 'fastapi', 'numpy', 'h5py', 'zmq', 'uvicorn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert told.stdout.rstrip().endswith("[]")
    for command in ("client-train", "demo", "jobs", "models", "rooms", "up", "uploads", "worker"):
        assert command in told.stdout
