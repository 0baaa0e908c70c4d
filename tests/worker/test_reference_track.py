"""The reference trainer predicts: a file that SLEAP's readers read, or a sentence and a status of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.engine import exit_status
from sleap_rtc.worker.reference_trainer.__main__ import main
from sleap_rtc.worker.reference_trainer.checkpoint import decode, encode
from sleap_rtc.worker.reference_trainer.slp_package import labelled_frames, read_skeleton

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 16
DATA = "mouse.pkg.slp"
OUTPUT = "mouse.predictions.slp"
MODEL = "models/run"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package, and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    make_example_package(folder / "mouse.zip", frames=FRAMES, size=64)
    with zipfile.ZipFile(folder / "mouse.zip") as archive:
        archive.extractall(folder)
    command = [sys.executable, "-m", "sleap_rtc.worker.reference_trainer", "train", "-c", "single_instance"]
    options = ["trainer_config.max_epochs=20", "trainer_config.run_name=run"]
    subprocess.run([*command, *options], cwd=folder / "mouse", check=True, capture_output=True)
    return folder / "mouse"


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with both in it."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def track(*options: str, models: tuple[str, ...] = (MODEL,)) -> int:
    named = [word for model in models for word in ("--model_paths", model)]
    return main(["track", "--data_path", DATA, *named, "-o", OUTPUT, *options])


def change(path: Path, act: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        act(file)


def suggest(*frames: int) -> Callable[[h5py.File], None]:
    def act(file: h5py.File) -> None:
        del file["suggestions_json"]
        texts = [json.dumps({"video": "0", "frame_idx": frame, "group": 0}) for frame in frames]
        file.create_dataset("suggestions_json", data=texts, dtype=h5py.string_dtype())

    return act


def unlabel(file: h5py.File) -> None:
    """Leave the labels of the first half alone."""
    frames = file["frames"][: FRAMES // 2]
    del file["frames"]
    file.create_dataset("frames", data=frames)


def renamed(old: str, new: str) -> Callable[[h5py.File], None]:
    def act(file: h5py.File) -> None:
        text = bytes(file["metadata"].attrs["json"]).replace(f'"{old}"'.encode(), f'"{new}"'.encode())
        file["metadata"].attrs["json"] = np.bytes_(text)

    return act


def predicted() -> dict[int, np.ndarray]:
    """Return x, y and score of each node by frame."""
    with h5py.File(OUTPUT, "r") as file:
        points, frames = file["pred_points"][:], file["frames"][:]
        instances = file["instances"][:]
    rows = np.stack([points["x"], points["y"], points["score"]], axis=1)
    return {
        int(frame["frame_idx"]): rows[int(one["point_id_start"]) : int(one["point_id_end"])]
        for frame, one in zip(frames, instances, strict=True)
    }


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


@pytest.mark.usefixtures("here")
def test_each_frame_has_a_pose_near_its_label_and_says_how_sure_it_is() -> None:
    assert track() == 0
    labels = {frame.frame_index: frame.points for frame in labelled_frames(Path(DATA))}
    found = predicted()
    assert found.keys() == labels.keys()
    errors = [np.hypot(*(found[index][:, :2] - labels[index]).T) for index in labels]
    assert float(np.median(errors)) < 4
    scores = np.concatenate([rows[:, 2] for rows in found.values()])
    assert ((scores > 0) & (scores <= 1)).all()


@pytest.mark.usefixtures("here")
def test_the_file_is_one_of_sleaps() -> None:
    assert track() == 0
    assert read_skeleton(Path(OUTPUT)) == read_skeleton(Path(DATA))
    with h5py.File(OUTPUT, "r") as file:
        assert set(file["instances"]["instance_type"]) == {1}
        assert len(file["points"]) == 0
        assert file["metadata"].attrs["format_id"] == 1.4
        (video,) = [json.loads(text) for text in file["videos_json"][:]]
    assert (video["filename"], video["backend"]["filename"]) == (DATA, DATA)
    assert video["backend"]["dataset"] == "video0/video"
    assert video["source_video"]["filename"] == "example.mp4"


@pytest.mark.parametrize(("option", "frames"), [("suggested", [13, 14]), ("labeled", [*range(8)])])
def test_suggested_frames_are_those_that_nobody_has_labelled(
    here: Path, option: str, frames: list[int]
) -> None:
    change(here / DATA, unlabel)
    change(here / DATA, suggest(3, 13, 14))
    assert track(f"--only_{option}_frames") == 0
    assert sorted(predicted()) == frames


@pytest.mark.usefixtures("here")
def test_nodes_that_it_is_not_sure_of_are_left_out() -> None:
    assert track() == 0
    threshold = float(np.median([rows[:, 2].min() for rows in predicted().values()]))
    assert track("--peak_threshold", str(threshold)) == 0
    found = np.concatenate(list(predicted().values()))
    missing = np.isnan(found[:, 0])
    assert missing.any()
    assert (found[~missing, 2] >= threshold).all()
    assert (found[missing, 2] == 0).all()


def test_the_order_of_the_datasets_nodes_counts(here: Path) -> None:
    assert track() == 0
    before = predicted()
    change(here / DATA, renamed("head", "other"))
    change(here / DATA, renamed("tail", "head"))
    change(here / DATA, renamed("other", "tail"))
    assert track() == 0
    for frame, rows in predicted().items():
        assert np.array_equal(rows, before[frame][::-1])


def test_a_centroid_model_beside_it_is_not_needed(here: Path) -> None:
    as_kind(here, "centroid")
    assert track(models=("models/centroid", MODEL)) == 0


def as_kind(here: Path, kind: str) -> None:
    """Make a model of another kind of this one."""
    shutil.copytree(here / MODEL, here / "models" / kind)
    path = here / "models" / kind / "best.ckpt"
    checkpoint = decode(path.read_bytes())
    path.write_bytes(encode(type(checkpoint)(**{**vars(checkpoint), "model_type": kind})))


def test_a_centroid_alone_finds_no_poses(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_kind(here, "centroid")
    assert track(models=("models/centroid",)) == exit_status.MODEL_UNSUITABLE
    assert "a centroid alone has no nodes" in said(capsys)


def test_two_models_of_nodes_are_one_too_many(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_kind(here, "bottomup")
    assert track(models=("models/bottomup", MODEL)) == exit_status.MODEL_UNSUITABLE
    assert "one model of nodes at a time" in said(capsys)


def test_a_model_of_another_animal_does_not_fit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(here / DATA, renamed("tail", "wing"))
    assert track() == exit_status.SKELETON_DIFFERS
    assert "The model finds head, body, tail, and the skeleton" in said(capsys)
    assert not (here / OUTPUT).exists()


@pytest.mark.usefixtures("here")
def test_no_suggested_frame_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert track("--only_suggested_frames") == exit_status.NO_FRAMES
    assert "has no suggested frame" in said(capsys)


def test_a_file_without_images_is_told_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(here / DATA, lambda file: file.pop("video0"))
    assert track() == exit_status.NO_FRAMES
    assert "has no frame that is embedded in it" in said(capsys)


def test_what_is_no_sleap_file_is_told_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / DATA).write_bytes(b"poses")
    assert track() == exit_status.PACKAGE_UNREADABLE
    assert "cannot be read" in said(capsys)


def test_a_model_of_another_trainer_is_told_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / MODEL / "best.ckpt").write_bytes(b"torch")
    assert track() == exit_status.CHECKPOINT_UNREADABLE
    assert "is not a checkpoint of the reference trainer" in said(capsys)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("option", [("--tracking",), ("--tracking_window_size", "5")])
def test_tracking_is_refused(option: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert track(*option) == exit_status.OPTION_REFUSED
    assert "tells none apart" in said(capsys)


@pytest.mark.usefixtures("here")
def test_a_disk_that_takes_nothing_leaves_no_half_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("gone").write_text("")
    command = ["track", "--data_path", DATA, "--model_paths", MODEL, "-o", "gone/out.slp"]
    assert main(command) != 0
    assert "cannot be written" in said(capsys)
