"""Training packages: the existing tool's layout is read; what is not safe is refused before it is written."""

from __future__ import annotations

import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.errors import PackageRefused
from sleap_rtc.worker.package import unpack

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "#!/bin/bash\nsleap-nn train --config-name centroid.yaml --config-dir .\n"
CONFIG = "model_config:\n  head_configs:\n    single_instance: null\n    centroid: {}\n"
GOOD = {"x/train-script.sh": SCRIPT, "x/centroid.yaml": CONFIG}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "job" / "package"
    folder.mkdir(parents=True)
    return folder


def zipped(tmp_path: Path, entries: dict[str, str | bytes]) -> Path:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in entries.items():
            package.writestr(name, content)
    return path


def assert_refused(archive: Path, into: Path, why: str) -> None:
    with pytest.raises(PackageRefused, match=why):
        unpack(archive, into)
    assert not list(into.iterdir())
    assert [path.name for path in into.parent.iterdir()] == ["package"]


def test_the_layout_of_the_existing_tool_is_read(tmp_path: Path, into: Path) -> None:
    (package,) = unpack(zipped(tmp_path, dict(GOOD)), into)
    assert (package.folder, package.config.name) == (into / "x", "centroid.yaml")
    assert (package.model_type, package.run_name) == ("centroid", "centroid")


def test_a_package_without_a_top_folder_is_read_too(tmp_path: Path, into: Path) -> None:
    flat = {name.removeprefix("x/"): content for name, content in GOOD.items()}
    assert [package.folder for package in unpack(zipped(tmp_path, dict(flat)), into)] == [into]


def test_several_configurations_are_read_in_the_order_of_the_script(tmp_path: Path, into: Path) -> None:
    second = "centered_instance"
    script = f"{SCRIPT}sleap-nn train --config-dir . --config-name {second}\n"
    config = f"model_config:\n  head_configs:\n    {second}: {{}}\n"
    archive = zipped(tmp_path, {**GOOD, "x/train-script.sh": script, f"x/{second}.yaml": config})
    found = [(package.run_name, package.model_type, package.folder) for package in unpack(archive, into)]
    assert found == [("centroid", "centroid", into / "x"), (second, second, into / "x")]


def test_the_example_package_is_one(tmp_path: Path, into: Path) -> None:
    make_example_package(tmp_path / "e.zip", frames=2, size=32)
    assert [package.model_type for package in unpack(tmp_path / "e.zip", into)] == ["single_instance"]


def test_the_script_is_read_and_never_run(tmp_path: Path, into: Path) -> None:
    script = f"touch {tmp_path}/ran\n{SCRIPT}"
    unpack(zipped(tmp_path, {**GOOD, "x/train-script.sh": script}), into)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "x/../../evil",
        "/etc/evil",
        "C:/evil",
        "x\\..\\..\\evil",
        "x/con",
        "x/NUL.txt",
        "x/a\x01b",
        "..",
    ],
)
def test_a_name_that_leaves_the_folder_or_means_a_device_is_refused(
    tmp_path: Path, into: Path, name: str
) -> None:
    assert_refused(zipped(tmp_path, {**GOOD, name: "x"}), into, "not safe")


def test_names_that_collide_on_other_systems_are_refused(tmp_path: Path, into: Path) -> None:
    assert_refused(zipped(tmp_path, {**GOOD, "x/Centroid.YAML": ""}), into, "two entries")


def test_a_link_is_refused(tmp_path: Path, into: Path) -> None:
    archive = zipped(tmp_path, dict(GOOD))
    link = zipfile.ZipInfo("x/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as package:
        package.writestr(link, "/etc/passwd")
    assert_refused(archive, into, "link or a device")


def test_a_bomb_is_refused(tmp_path: Path, into: Path) -> None:
    assert_refused(zipped(tmp_path, {**GOOD, "x/zeros": bytes(100_000_000)}), into, "would unpack to")


def test_too_many_entries_are_refused(tmp_path: Path, into: Path) -> None:
    many: dict[str, str | bytes] = {f"x/{n}": "" for n in range(10_001)}
    assert_refused(zipped(tmp_path, many), into, "entries")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip_is_refused(tmp_path: Path, into: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert_refused(tmp_path / "x.zip", into, "not a zip file")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"x/train-script.sh": "echo nothing"}, "names no configuration"),
        ({"x/train-script.sh": SCRIPT * 2}, r"names centroid\.yaml twice"),
        ({"x/centroid.yaml": "a: [b"}, "not a training configuration"),
        ({"x/centroid.yaml": "model_config: 3"}, "not a training configuration"),
        ({"x/centroid.yaml": CONFIG.replace("{}", "null")}, "names no kind of model"),
        ({"x/train-script.sh": SCRIPT.replace("centroid", "other")}, "other.yaml is missing"),
        (
            {"x/train-script.sh": SCRIPT.replace("centroid.yaml", "../../../etc/passwd")},
            "passwd.yaml is missing",
        ),
    ],
)
def test_a_package_that_asks_for_nothing_that_can_be_done(
    tmp_path: Path, into: Path, changed: dict[str, str], why: str
) -> None:
    with pytest.raises(PackageRefused, match=why):
        unpack(zipped(tmp_path, {**GOOD, **changed}), into)


def test_a_package_without_its_script(tmp_path: Path, into: Path) -> None:
    with pytest.raises(PackageRefused, match=r"no train-script\.sh"):
        unpack(zipped(tmp_path, {"x/centroid.yaml": CONFIG}), into)
