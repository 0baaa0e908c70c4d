"""The example package: what is in it, and that it is the same every time."""

import json
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from sleap_rtc.local.example_package import DEFAULT_FRAMES, make_example_package
from sleap_rtc.worker.reference_trainer.config import load_config
from sleap_rtc.worker.reference_trainer.slp_package import labelled_frames, read_skeleton

TRAIN_LINE = re.compile(r"^\s*sleap-(?:nn\s+)?train\s+.*--config-name\s+(\S+)")
"""How the existing worker finds the configs to train."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    package = make_example_package(folder / "mouse.zip", frames=4, size=64, seed=3)
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder)
    return folder / "mouse"


def test_the_zip_has_one_directory_named_like_itself(unpacked: Path) -> None:
    with zipfile.ZipFile(unpacked.with_suffix(".zip")) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "mouse/mouse.pkg.slp",
            "mouse/single_instance.yaml",
            "mouse/train-script.sh",
        ]


def test_the_train_script_names_a_config_that_is_there(unpacked: Path) -> None:
    script = (unpacked / "train-script.sh").read_text()
    names = [match[1] for line in script.splitlines() if (match := TRAIN_LINE.match(line))]
    assert names == ["single_instance.yaml"]
    assert (unpacked / names[0]).is_file()


def test_the_config_trains_on_the_package_beside_it(unpacked: Path) -> None:
    config = load_config(unpacked, "single_instance.yaml")
    assert config.train_labels == (Path("mouse.pkg.slp"),)
    assert config.model_type == "single_instance"
    head = yaml.safe_load((unpacked / "single_instance.yaml").read_text())["model_config"]["head_configs"]
    assert head["single_instance"]["confmaps"]["part_names"] == ["head", "body", "tail"]


def test_the_labels_are_where_the_animal_is(unpacked: Path) -> None:
    package = unpacked / "mouse.pkg.slp"
    assert read_skeleton(package).nodes == ("head", "body", "tail")
    frames = 0
    for frame in labelled_frames(package):
        image = frame.image
        assert image.shape == (64, 64)
        column, row = frame.points[0].round().astype(int)
        assert image[row - 1 : row + 2, column - 1 : column + 2].mean() > np.median(image) + 80
        frames += 1
    assert frames == 4


def test_the_package_has_the_attributes_that_sleap_io_reads(unpacked: Path) -> None:
    with h5py.File(unpacked / "mouse.pkg.slp", "r") as file:
        video = file["video0/video"]
        assert video.attrs["format"] == "png"
        assert tuple(video.attrs[name] for name in ("frames", "height", "width", "channels")) == (
            4,
            64,
            64,
            1,
        )
        backend = json.loads(file["videos_json"][0])["backend"]
        assert (backend["filename"], backend["dataset"]) == (".", "video0/video")
        assert json.loads(file["video0/source_video"].attrs["json"])["backend"]["filename"] == "example.mp4"
        assert file["metadata"].attrs["format_id"] == 1.4


def test_the_same_seed_gives_the_same_bytes(unpacked: Path, tmp_path: Path) -> None:
    again = make_example_package(tmp_path / "mouse.zip", frames=4, size=64, seed=3)
    assert again.path.read_bytes() == unpacked.with_suffix(".zip").read_bytes()
    other = make_example_package(tmp_path / "mouse.zip", frames=4, size=64, seed=4)
    assert other.path.read_bytes() != unpacked.with_suffix(".zip").read_bytes()


def test_zip_members_carry_a_fixed_time_and_the_script_may_run(unpacked: Path) -> None:
    with zipfile.ZipFile(unpacked.with_suffix(".zip")) as archive:
        assert {member.date_time for member in archive.infolist()} == {(2025, 1, 1, 0, 0, 0)}
        assert archive.getinfo("mouse/train-script.sh").external_attr >> 16 == 0o755


def test_frames_do_not_compress_so_the_default_package_needs_several_parts(tmp_path: Path) -> None:
    package = make_example_package(tmp_path / "big.zip", frames=5)
    assert package.size_px == 384
    assert 20 * 2**20 < package.size_bytes / 5 * DEFAULT_FRAMES < 25 * 2**20


def test_what_is_returned_is_what_was_written(tmp_path: Path) -> None:
    package = make_example_package(tmp_path / "deep" / "x.zip", frames=2, size=40)
    assert package.size_bytes == package.path.stat().st_size
    assert (package.frames, package.nodes) == (2, ("head", "body", "tail"))
    assert [file.name for file in package.path.parent.iterdir()] == ["x.zip"]


@pytest.mark.parametrize(("name", "frames", "size"), [("x.tar", 1, 64), ("x.zip", 0, 64), ("x.zip", 1, 8)])
def test_impossible_wishes_are_refused(tmp_path: Path, name: str, frames: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"zip|frame"):
        make_example_package(tmp_path / name, frames=frames, size=size)
