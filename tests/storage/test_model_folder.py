"""Which files of a folder are a model, and what is said of a folder that holds none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.storage import model_folder
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.storage.model_folder import (
    MOST_FILES,
    ModelFolderRefused,
    YamlMissing,
    config_checksum,
    config_of,
    read_config,
    read_model_folder,
    read_table,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "best.ckpt").write_bytes(b"weights")
    return folder


def names(folder: Path) -> list[str]:
    return [file.name for file in read_model_folder(folder).files]


def assert_refused(folder: Path, why: str) -> None:
    with pytest.raises(ModelFolderRefused, match=why) as refused:
        read_model_folder(folder)
    assert str(refused.value).startswith(f"{folder} cannot be taken as a model: ")
    assert str(refused.value).count("\n") == 0


def test_checkpoints_configurations_and_tables_are_the_model(run: Path) -> None:
    for name in ("training_config.yaml", "a.yml", "metrics.json", "log.csv", "best.h5", "x.pt", "y.pth"):
        (run / name).write_text("x")
    assert names(run) == sorted(file.name for file in run.iterdir())


@pytest.mark.parametrize("name", ["last.ckpt", "model.json"])
def test_what_is_for_going_on_and_what_a_room_writes_stay_behind(run: Path, name: str) -> None:
    (run / name).write_text("{}")
    assert read_model_folder(run).left_out == ()
    assert names(run) == ["best.ckpt"]


def test_what_is_no_part_of_a_model_is_named(run: Path) -> None:
    (run / "film.mp4").write_bytes(b"x" * 1000)
    (run / "logs").mkdir()
    (run / "mäuse.csv").write_text("x")
    assert read_model_folder(run).left_out == ("film.mp4", "logs/", "mäuse.csv")
    assert names(run) == ["best.ckpt"]


def test_files_are_described_as_they_are(run: Path) -> None:
    (file,) = read_model_folder(run).files
    assert (file.size_bytes, file.checksum) == (7, to_text(crc64nvme(b"weights")))


def test_a_folder_without_checkpoint_says_which_of_its_folders_has_one(run: Path) -> None:
    (run / "notes").mkdir()
    assert_refused(run.parent, r"no checkpoint \(.ckpt, .h5, .pt, .pth\); there is one in its folder run")
    (run / "best.ckpt").unlink()
    assert_refused(run, r"no checkpoint \(.ckpt, .h5, .pt, .pth\)\.$")


def test_one_to_go_on_with_is_no_model(run: Path) -> None:
    (run / "best.ckpt").rename(run / "last.ckpt")
    assert_refused(run, "no checkpoint")


def test_a_link_to_a_file_elsewhere_is_refused_and_one_within_is_not(run: Path) -> None:
    (run / "same.ckpt").symlink_to(run / "best.ckpt")
    assert names(run) == ["best.ckpt", "same.ckpt"]
    (run.parent / "secret").write_text("x")
    (run / "training_config.json").symlink_to(run.parent / "secret")
    assert_refused(run, r"training_config\.json is a link to a file elsewhere")


def test_a_folder_may_be_reached_by_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "newest").symlink_to(run)
    assert names(tmp_path / "newest") == ["best.ckpt"]


def test_a_huge_file_that_is_no_checkpoint_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_folder, "LARGEST_OTHER_BYTES", 9)
    (run / "best.ckpt").write_bytes(b"w" * 100)
    (run / "predictions.json").write_text("0123456789")
    assert_refused(run, r"predictions\.json has 10 bytes and is no checkpoint")


def test_a_model_has_only_so_many_files_and_bytes(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST_FILES - 1):
        (run / f"{number}.csv").touch()
    assert len(names(run)) == MOST_FILES
    (run / "one-more.csv").touch()
    assert_refused(run, f"it has {MOST_FILES + 1} files")
    (run / "one-more.csv").unlink()
    monkeypatch.setattr(model_folder, "LARGEST_MODEL_BYTES", 6)
    assert_refused(run, "it has 7 bytes")


@pytest.mark.parametrize("name", ["nowhere", "run/best.ckpt"])
def test_what_is_no_folder_is_said_so(run: Path, name: str) -> None:
    assert_refused(run.parent / name, "it is not a folder")


def test_the_configuration_as_it_was_given_counts(run: Path) -> None:
    assert (config_of(run), config_checksum(run)) == (None, "")
    (run / "training_config.yaml").write_text("made of it")
    assert config_checksum(run) == to_text(crc64nvme(b"made of it"))
    (run / "initial_config.yaml").write_text("given")
    assert config_checksum(run) == to_text(crc64nvme(b"given"))
    assert config_of(run) == run / "training_config.yaml"


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("c.json", '{"a": 1}', {"a": 1}),
        ("c.yaml", "a: 1", {"a": 1}),
        ("c.json", "[1]", {}),
        ("c.json", "{", {}),
        ("c.json", "[" * 100_000, {}),
        ("c.yaml", "a: [", {}),
        ("c.yaml", "!!python/object/apply:os.system ['true']", {}),
        ("c.yaml", "\xff\x00", {}),
        ("c.json", '{"a": "' + "x" * 5_000_000 + '"}', {}),
    ],
    ids=["json", "yaml", "list", "torn", "deep", "torn yaml", "code", "bytes", "huge"],
)
def test_a_configuration_is_read_or_is_none(run: Path, name: str, text: str, read: object) -> None:
    (run / name).write_text(text, encoding="latin-1")
    assert read_config(run / name) == read


def test_yaml_is_not_read_where_nothing_reads_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (run / "c.yaml").write_text("a: 1")
    with pytest.raises(YamlMissing, match="--type"):
        read_config(run / "c.yaml")


def test_a_table_that_is_not_there_is_empty(run: Path) -> None:
    assert read_table(run, "metrics.json") == {}
    (run / "metrics.json").write_text('{"loss": 1}')
    assert read_table(run, "metrics.json") == {"loss": 1}
