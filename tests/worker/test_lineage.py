"""What a worker tells of how a model came about: as much as is known, and no more than a record can bear."""

from __future__ import annotations

import json
import platform
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.events.jobs import DatasetRef, Job, JobRequest
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.storage.manifest import summary
from sleap_rtc.storage.memory_store import MemoryObjectStore
from sleap_rtc.storage.model_folder import checksum_of
from sleap_rtc.worker import machine
from sleap_rtc.worker.engine_software import engine_software
from sleap_rtc.worker.job_attempt import lineage_of
from sleap_rtc.worker.lineage import MOST_EPOCHS, Lineage, joined_software, metrics_of
from sleap_rtc.worker.machine import gpu, machine_software
from sleap_rtc.worker.model_publisher import ModelPublisher
from sleap_rtc.worker.package import unpack
from sleap_rtc.worker.s3_models import S3Models
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.trained_model import TrainedModel

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def fake_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put an nvidia-smi first on the path."""
    folder.mkdir(exist_ok=True)
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_what_the_engine_says_of_itself_wins() -> None:
    joined = joined_software({"python": "3.11", "gpu": "A100"}, {"python": "3.12", "torch": "2.7", "x": [1]})
    assert joined == {"python": "3.12", "gpu": "A100", "torch": "2.7"}


def test_a_gpu_is_named_with_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_smi(tmp_path, monkeypatch, 'echo "0, GPU-a, 535.104.05, 40960, NVIDIA A100-SXM4-40GB"')
    assert gpu() == {"gpu": "NVIDIA A100-SXM4-40GB", "gpu_driver": "535.104.05"}


@pytest.mark.parametrize("script", ["exit 9", "echo nothing", "exec sleep 60"], ids=["fails", "odd", "hangs"])
def test_a_machine_whose_gpu_does_not_answer_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(machine, "_TIMEOUT_S", 0.3)
    fake_smi(tmp_path, monkeypatch, script)
    assert gpu() == {}


def test_a_machine_says_what_it_runs_on() -> None:
    told = machine_software()
    assert (told["python"], "sleap-rtc" in told) == (platform.python_version(), True)
    assert machine_software() is told


def test_a_long_training_keeps_a_curve_that_a_record_can_bear() -> None:
    epochs = [{"epoch": number, "loss": 1.0, "images": [1] * 1000} for number in range(100_000)]
    metrics = metrics_of({"val_loss": 0.5, "curve": "x", "weights": [0] * 100_000}, Lineage(epochs=epochs))
    assert len(metrics["curve"]) == MOST_EPOCHS
    assert (metrics["curve"][0], metrics["curve"][-1]["epoch"]) == ({"epoch": 0, "loss": 1.0}, 99_999)
    assert metrics.keys() == {"val_loss", "curve"}


def test_the_manifest_gets_the_single_values_alone() -> None:
    assert summary(metrics_of({"val_loss": 0.5, "nodes": ["nose"]}, Lineage(epochs=[{"epoch": 0}]))) == {
        "val_loss": 0.5
    }


def test_a_loss_that_is_no_number_is_left_out_of_the_curve() -> None:
    assert metrics_of({}, Lineage(epochs=[{"epoch": 0, "loss": float("nan")}]))["curve"] == [{"epoch": 0}]


def test_the_version_of_sleap_nn_is_that_of_the_configuration_it_left(tmp_path: Path) -> None:
    (tmp_path / "training_config.yaml").write_text("sleap_nn_version: 0.1.2\n")
    assert engine_software(tmp_path, "/opt/other/bin/sleap-nn") == {"trainer": "sleap-nn 0.1.2"}
    assert "numpy" in engine_software(tmp_path, sys.executable)


def test_what_an_engine_wrote_down_is_all_that_counts(tmp_path: Path) -> None:
    (tmp_path / "training_config.yaml").write_text("sleap_nn_version: 0.1.2\n")
    (tmp_path / "software.json").write_text('{"trainer": "mine 2"}')
    assert engine_software(tmp_path, sys.executable) == {"trainer": "mine 2"}


def test_a_trained_model_has_its_whole_lineage_in_its_record(tmp_path: Path) -> None:
    make_example_package(tmp_path / "tiny.zip", frames=12, size=64)
    (tmp_path / "package").mkdir()
    (package,) = unpack(tmp_path / "tiny.zip", tmp_path / "package")
    epochs = {"trainer_config.max_epochs": "3"}
    result = SubprocessTrainer("reference").train(package, epochs, lambda _: None, threading.Event())
    lineage = lineage_of(package, result)
    assert lineage.config_checksum == checksum_of(package.config)
    assert (lineage.hyperparameters["max_epochs"], len(lineage.epochs)) == (3, 3)
    assert lineage.software["trainer"] == "reference trainer 1.0"
    assert {"sleap-rtc", "python", "platform", "numpy", "h5py"} <= lineage.software.keys()


def test_a_huge_configuration_does_not_make_a_huge_record(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_bytes(b"weights")
    (tmp_path / "metrics.json").write_text(json.dumps({"text": "x" * 1_000_000, "loss": 1}))
    job = Job(
        job_id="01J00000000000000000000000",
        room_id="room",
        request=JobRequest(),
        dataset=DatasetRef(path="s3://uploads/x", size_bytes=1, checksum="crc64nvme:AAAAAAAAAAA="),
        created_by="ada",
        created_at=NOW,
        traceparent="",
    )
    publisher = ModelPublisher(S3Models(MemoryObjectStore(), None))  # type: ignore[arg-type] # sends nothing
    record = publisher.describe(
        TrainedModel(tmp_path, job, "reference", "centroid", "gpu-1", NOW, Lineage(software={"a": "b"}))
    )
    assert (record.metrics, record.software) == ({"loss": 1}, {"a": "b"})
    assert len(record.model_dump_json()) < 2_000
