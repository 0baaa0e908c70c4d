from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from support.existing_worker import packed, training_package

from sleap_rtc.client.legacy_package import PackageUnusable, legacy_package
from sleap_rtc.client.track_order import NotTrackable
from sleap_rtc.client.track_package import make_track_package
from sleap_rtc.live.legacy_frames import TRACK, TRAIN
from sleap_rtc.storage.errors import FileMissing

if TYPE_CHECKING:
    from pathlib import Path


def as_the_worker_unpacks(path: Path, name: str, into: Path) -> Path:
    """Return where a worker of the existing tool looks for the script."""
    shutil.unpack_archive(path, into)
    return into / name.removesuffix(".zip")


@pytest.mark.parametrize(
    ("file_name", "inside", "announced"),
    [
        ("labels v1.zip", None, "labels v1.zip"),
        ("Kopie von labels.zip", "labels", "labels.zip"),
        ("top.zip", "", "top.zip"),
        ("a.b.zip", None, "a.b.zip"),
    ],
)
def test_the_worker_finds_the_script_whatever_the_file_is_called_here(
    tmp_path: Path, file_name: str, inside: str | None, announced: str
) -> None:
    path = training_package(tmp_path / file_name, inside=inside, padding=b"x" * 1000)
    spare = tmp_path / "spare"
    spare.mkdir()
    ready = legacy_package(path, TRAIN, spare)
    assert ready.name == announced
    assert ready.results_name == f"trained_{announced}"
    found = as_the_worker_unpacks(ready.path, ready.name, tmp_path / "worker")
    assert (found / "train-script.sh").is_file()
    assert (found / "data.pkg.slp").read_bytes() == b"x" * 1000


def test_a_package_that_is_right_is_sent_as_it_is(tmp_path: Path) -> None:
    path = training_package(tmp_path / "p.zip")
    assert legacy_package(path, TRAIN, tmp_path).path == path


def test_what_is_no_package_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        legacy_package(tmp_path / "none.zip", TRAIN, tmp_path)
    text = tmp_path / "text.zip"
    text.write_text("hello")
    with pytest.raises(PackageUnusable, match="not a zip file"):
        legacy_package(text, TRAIN, tmp_path)
    with pytest.raises(PackageUnusable, match=r"no track-script\.sh"):
        legacy_package(training_package(tmp_path / "p.zip"), TRACK, tmp_path)
    deep = packed(tmp_path / "deep.zip", {"a/b/train-script.sh": ""})
    with pytest.raises(PackageUnusable, match="deeper"):
        legacy_package(deep, TRAIN, tmp_path)


def test_a_name_that_the_wire_cannot_carry_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", {"a:b/train-script.sh": ""})
    with pytest.raises(PackageUnusable, match="plain name"):
        legacy_package(path, TRAIN, tmp_path)


def model_folder(folder: Path, content: bytes = b"w") -> Path:
    folder.mkdir(parents=True)
    (folder / "best.ckpt").write_bytes(content)
    return folder


def test_a_track_package_has_no_name_with_a_space_in_it(tmp_path: Path) -> None:
    data = tmp_path / "Käfig 3.pkg.slp"
    data.write_bytes(b"poses")
    models = [model_folder(tmp_path / "one" / "mein modell"), model_folder(tmp_path / "two" / "mein modell")]
    made = make_track_package(data, models, tmp_path / "track_1.zip", only_suggested_frames=True)
    with zipfile.ZipFile(made) as opened:
        assert not any(" " in name for name in opened.namelist())
        script = opened.read("track_1/track-script.sh").decode()
        assert opened.read("track_1/data.pkg.slp") == b"poses"
    # The original joins lines that end with a backslash, and splits at spaces.
    words = script.replace("\\\n", " ").splitlines()[1].split()
    assert words == [
        *("sleap-nn", "track", "--data_path", "data.pkg.slp", "--only_suggested_frames"),
        *("--model_paths", "models/0_mein_modell", "--model_paths", "models/1_mein_modell"),
        *("-o", "track_1.predictions.slp"),
    ]
    assert legacy_package(made, TRACK, tmp_path).path == made


def test_all_frames_are_tracked_if_that_is_asked_for(tmp_path: Path) -> None:
    data = tmp_path / "d.slp"
    data.write_bytes(b"poses")
    made = make_track_package(data, [], tmp_path / "t.zip", only_suggested_frames=False)
    with zipfile.ZipFile(made) as opened:
        assert "--only_suggested_frames" not in opened.read("t/track-script.sh").decode()


def test_only_files_of_sleap_are_tracked(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(b"")
    with pytest.raises(NotTrackable, match=r"\.slp"):
        make_track_package(video, [], tmp_path / "t.zip", only_suggested_frames=True)
    with pytest.raises(FileMissing):
        make_track_package(tmp_path / "none.slp", [], tmp_path / "t.zip", only_suggested_frames=True)
