"""Two workers on one machine, one for each of its GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from support.gpus import NAMES, UUIDS, install_nvidia_smi
from support.product import Product, eventually
from support.training_scene import TrainingScene

from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = {"trainer_config.max_epochs": "1000000"}
PORTS = ("trainer_config.zmq.controller_port", "trainer_config.zmq.publish_port")


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", install_nvidia_smi(tmp_path / "bin", gpus=2))


def trains(scene: TrainingScene) -> None:
    eventually(lambda: bool(scene.trained()))


def seen_by_engine(scene: TrainingScene) -> str:
    """Return what CUDA_VISIBLE_DEVICES says to the processes of a job."""
    (seen,) = {psutil.Process(pid).environ().get("CUDA_VISIBLE_DEVICES", "") for pid in scene.engines()}
    return seen


def ports(scene: TrainingScene) -> set[str]:
    """Return the ports at which a job's engine and its worker talk."""
    words = [word for pid in scene.engines() for word in psutil.Process(pid).cmdline()]
    return {word.partition("=")[2] for word in words if word.lstrip("+").startswith(PORTS)}


@pytest.mark.usefixtures("two_gpus")
def test_two_jobs_train_at_once_each_on_a_gpu_of_its_own(product: Product, small_package: Path) -> None:
    with (
        TrainingScene(product, small_package, ENDLESS) as first,
        TrainingScene(product, small_package, ENDLESS, room=first.room) as second,
    ):
        # Both are sent the same dataset, into one cache.
        first.worker("--gpu", "0")
        second.worker("--gpu", UUIDS[1])
        jobs = (first, second)
        for job in jobs:
            trains(job)
            job.tell("pause")
        on = {job.job_id: UUIDS.index(seen_by_engine(job)) for job in jobs}
        assert sorted(on.values()) == [0, 1]
        assert len(ports(first) | ports(second)) == 4
        shown = product.run("rooms", "show", "-r", first.room, "--json").json()
        assert {worker["gpu"] for worker in shown["workers"]} == {f"0: {NAMES[0]}", f"1: {NAMES[1]}"}
        assert f"1: {NAMES[1]}" in product.run("rooms", "show", "-r", first.room, COLUMNS="200").out
        for job in jobs:
            job.tell("stop")
        records = [job.published()["record"] for job in jobs]
    assert {record["job_id"]: record["software"]["gpu"] for record in records} == {
        job_id: NAMES[index] for job_id, index in on.items()
    }


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there_is_said_before_a_job_is_taken(product: Product) -> None:
    said = product.run("worker", "-r", product.new_room(), "--gpu", "7")
    assert said.status == ExitCode.BAD_INPUT
    assert said.sentence == (
        "sleap-rtc: There is no GPU 7 for this worker; choose one by number or UUID: "
        f"0 ({NAMES[0]}, {UUIDS[0]}), 1 ({NAMES[1]}, {UUIDS[1]})."
    )
