"""Poses predicted through a room: a job for a model of the room, and the predictions back on any machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from support.product import eventually

from sleap_rtc.events.registry_api import SetAlias
from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.reference_trainer.slp_package import labelled_frames, read_skeleton

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.product import Product, Said

    from sleap_rtc.local.child import Child

DEFAULT_THRESHOLD = {"SLEAP_RTC_LARGE_FILE_THRESHOLD": "100000000"}
NO_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}


class Lab:
    """A room with a trained model, `animal`, and data to predict poses for."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product = product
        self.folder = folder
        self.room = product.new_room()
        self.data = folder / "Mäuse 1.pkg.slp"
        self.model = self._trained()
        self.model_id = self._pushed(self.model)
        product.service.set_alias(self.room, "animal", SetAlias(model=self.model_id, expected=None))

    def _trained(self) -> Path:
        package = self.folder / "flies.zip"
        make_example_package(package, frames=40, size=64)
        with zipfile.ZipFile(package) as packed:
            packed.extractall(self.folder)
        command = [sys.executable, "-m", "sleap_rtc.worker.reference_trainer", "train"]
        options = ["-c", "single_instance", "trainer_config.max_epochs=12", "trainer_config.run_name=run"]
        subprocess.run([*command, *options], cwd=self.folder / "flies", check=True, capture_output=True)
        shutil.copy(self.folder / "flies" / "flies.pkg.slp", self.data)
        return self.folder / "flies" / "models" / "run"

    def _pushed(self, model: Path) -> str:
        *_, pushed = self.run("models", "push", str(model), "--json").json_lines()
        return str(pushed["model_id"])

    def run(self, *arguments: str, **environment: str) -> Said:
        """Run a command for this room."""
        return self.product.run(*arguments, "-r", self.room, **environment)

    def track(self, output: Path, *options: str, model: str = "animal", **environment: str) -> Said:
        """Have the poses of all frames predicted."""
        order = ("client-track", "-d", str(self.data), "-m", model, "-o", str(output), "--all-frames")
        return self.run(*order, *options, **environment)

    def inferences(self) -> list[Any]:
        """Return the room's inferences, oldest first."""
        return [job for job in self.product.service.jobs(self.room) if job.request.type == "inference"]


@pytest.fixture(scope="module")
def lab(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(product, tmp_path_factory.mktemp("lab"))


@pytest.fixture
def worker(lab: Lab) -> Iterator[Child]:
    worker = lab.product.worker(lab.room, "predicts")
    yield worker
    worker.stop()


@pytest.fixture
def desktop(lab: Lab) -> Iterator[Child]:
    """A worker without credentials for S3."""
    worker = lab.product.worker(lab.room, "desktop", **NO_CREDENTIALS)
    yield worker
    worker.stop()


def assert_poses(path: Path, data: Path) -> None:
    """The file has a pose for each frame, of the dataset's animal, near to where somebody labelled it."""
    labels = {frame.frame_index: frame.points for frame in labelled_frames(data)}
    assert read_skeleton(path) == read_skeleton(data)
    with h5py.File(path, "r") as file:
        points, frames, instances = file["pred_points"][:], file["frames"][:], file["instances"][:]
    assert sorted(frames["frame_idx"]) == sorted(labels)
    assert set(instances["instance_type"]) == {1}
    places = np.stack([points["x"], points["y"]], axis=1).reshape(len(frames), -1, 2)
    wanted = np.stack([labels[index] for index in frames["frame_idx"]])
    assert float(np.median(np.hypot(*np.moveaxis(places - wanted, 2, 0)))) < 6
    assert ((points["score"] > 0) & (points["score"] <= 1)).all()


def test_predictions_come_back_from_a_desktop_and_can_be_had_again(
    lab: Lab, tmp_path: Path, desktop: Child
) -> None:
    output = tmp_path / "out.slp"
    forced = ("--force-transport", "webrtc")
    eventually(lambda: "takes no datasets over WebRTC" in lab.track(output, *forced).sentence)
    lines = lab.track(output, "--json", **DEFAULT_THRESHOLD).json_lines()
    assert [line["transport"] for line in lines if line["kind"] == "transport"] == ["s3"]
    states = [line["state"] for line in lines if line["kind"] == "event"]
    assert states == ["queued", "claimed", "downloading", "training", "uploading", "published"]
    assert lines[-1]["kind"] == "results"
    assert lines[-1]["path"] == str(output)
    assert_poses(output, lab.data)

    assert "no AWS credentials" in desktop.last_words(200)
    job = lab.inferences()[-1]
    assert [model.name for model in job.request.models] == ["animal"]
    (result,) = job.results
    assert (result.checksum, result.size_bytes) == (lines[-1]["checksum"], output.stat().st_size)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = {"HOME": str(elsewhere)}
    (again,) = lab.run("jobs", "results", job.job_id, "-o", str(elsewhere), "--json", **home).json()
    assert (elsewhere / result.name).read_bytes() == output.read_bytes()
    assert again["path"] == str(elsewhere / result.name)

    (elsewhere / result.name).write_bytes(b"somebody's own")
    refused = lab.run("jobs", "results", job.job_id, "-o", str(elsewhere))
    assert (refused.status, "Another file lies at" in refused.sentence) == (3, True)
    assert (elsewhere / result.name).read_bytes() == b"somebody's own"


@pytest.mark.faults
def test_a_worker_killed_in_mid_inference_is_followed_by_a_desktop_without_credentials(
    lab: Lab, tmp_path: Path
) -> None:
    before = len(lab.inferences())
    told = lab.track(tmp_path / "out.slp", "--detach")
    assert told.status == 0, told.err
    first = lab.product.worker(lab.room, "killed")
    eventually(lambda: lab.inferences()[before].state == "training")
    first.kill()
    job_id = lab.inferences()[before].job_id
    second = lab.product.worker(lab.room, "second", **NO_CREDENTIALS)
    eventually(lambda: lab.inferences()[before].state == "published")
    second.stop()
    job = lab.inferences()[before]
    assert (job.fencing, [edge.state for edge in job.history].count("published")) == (2, 1)
    (brought,) = lab.run("jobs", "results", job_id, "-o", str(tmp_path), "--json").json()
    assert_poses(Path(brought["path"]), lab.data)


def test_what_cannot_be_predicted_is_told_in_a_sentence(lab: Lab, tmp_path: Path, worker: Child) -> None:
    output = tmp_path / "out.slp"
    jobs = len(lab.inferences())
    told = lab.track(output, model="nobody")
    assert (told.status, "There is no model nobody" in told.sentence) == (4, True)
    output.write_bytes(b"somebody's own")
    told = lab.track(output)
    assert (told.status, "Another file lies at" in told.sentence) == (3, True)
    assert (len(lab.inferences()), output.read_bytes()) == (jobs, b"somebody's own")

    failed = lab.track(tmp_path / "a.slp", "--only-suggested-frames")
    assert (failed.status, "(no_frames)" in failed.sentence) == (8, True)
    failed = lab.track(tmp_path / "c.slp", "--trainer", "sleap-nn")
    assert (failed.status, "(model_unsuitable)" in failed.sentence) == (8, True)
    assert worker.running


@pytest.mark.usefixtures("worker")
def test_a_model_that_the_room_has_not_travels_with_the_data(lab: Lab, tmp_path: Path) -> None:
    output = tmp_path / "out.slp"
    told = lab.track(output, model=str(lab.model))
    assert told.status == 0, told.err
    assert "A model lies on this machine alone, so data and models are sent together." in told.out
    assert lab.inferences()[-1].request.models == ()
    assert_poses(output, lab.data)
