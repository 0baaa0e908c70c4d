"""A `.pkg.slp` and its configurations become a package that a worker reads, the same one each time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sleap_rtc.client.labels_package import ConfigUnusable, package_of
from sleap_rtc.storage.errors import FileMissing, InputError
from sleap_rtc.worker.package import unpack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "Meine Mäuse.pkg.slp"
    path.write_bytes(b"labels")
    return path


def config(path: Path, kind: str, **data: Any) -> Path:
    content = {"data_config": data, "model_config": {"head_configs": {kind: {}}}}
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def test_it_is_read_by_a_worker_with_the_centroid_first_and_the_labels_beside(
    labels: Path, tmp_path: Path
) -> None:
    second = config(tmp_path / "mine: größer.yaml", "centered_instance", train_labels_path=["C:\\mice.slp"])
    first = config(tmp_path / "z.yaml", "centroid", val_labels_path=["/home/ada/val.slp"], scale=0.5)
    made = package_of(labels, [second, first], tmp_path / "packages")
    assert made.name == "Meine Mäuse.zip"
    into = tmp_path / "into"
    into.mkdir()
    read = unpack(made, into)
    assert [package.model_type for package in read] == ["centroid", "centered_instance"]
    for package in read:
        data = yaml.safe_load(package.config.read_text("utf-8"))["data_config"]
        assert data["val_labels_path"] is None
        assert [(package.folder / name).read_bytes() for name in data["train_labels_path"]] == [b"labels"]
    assert yaml.safe_load(read[0].config.read_text("utf-8"))["data_config"]["scale"] == 0.5


def test_the_same_files_are_the_same_package_and_changed_ones_another(labels: Path, tmp_path: Path) -> None:
    one = config(tmp_path / "one.yaml", "centroid")
    folder = tmp_path / "packages"
    first = package_of(labels, [one], folder)
    before = first.stat().st_mtime_ns
    assert package_of(labels, [one], folder) == first
    assert first.stat().st_mtime_ns == before
    labels.write_bytes(b"more labels")
    assert package_of(labels, [one], folder) != first


def test_packages_that_nobody_sends_any_more_are_removed(labels: Path, tmp_path: Path) -> None:
    one = config(tmp_path / "one.yaml", "centroid")
    old = package_of(labels, [one], tmp_path / "packages")
    os.utime(old.parent, (0, 0))
    labels.write_bytes(b"more labels")
    package_of(labels, [one], tmp_path / "packages")
    assert not old.exists()


def test_a_package_is_sent_as_it_is(tmp_path: Path) -> None:
    assert package_of(tmp_path / "x.zip", [], tmp_path) == tmp_path / "x.zip"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no kind of model"),
        ("model_config: 5", "no kind of model"),
        ("a: [", "expected"),
        ("model_config: {head_configs: {centroid: null}}", "no kind of model"),
        ("data_config: 5\nmodel_config: {head_configs: {centroid: {}}}", "no kind of model"),
    ],
)
def test_what_is_no_configuration_is_refused(labels: Path, tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigUnusable, match=why):
        package_of(labels, [path], tmp_path / "packages")


def test_what_does_not_go_together_is_said(labels: Path, tmp_path: Path) -> None:
    one = config(tmp_path / "one.yaml", "centroid")
    (tmp_path / "other").mkdir()
    other = config(tmp_path / "other" / "one.yaml", "centered_instance")
    for path, configs, why in (
        (labels, [], "with --config"),
        (tmp_path / "x.zip", [one], "in it already"),
        (labels, [one, other], "called one"),
    ):
        with pytest.raises(InputError, match=why):
            package_of(path, configs, tmp_path / "packages")
    for path, configs in ((tmp_path / "none.slp", [one]), (labels, [tmp_path / "none.yaml"])):
        with pytest.raises(FileMissing):
            package_of(path, configs, tmp_path / "packages")
    assert not (tmp_path / "packages").exists()
