"""The container files: who runs what in an image, what it was made from, and what is not in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from pathspec import PathSpec
from support.container_file import ROOT, ContainerFile

from sleap_rtc.service.cli import service_app
from sleap_rtc.settings import Settings
from sleap_rtc.worker.cli import app as worker_app

FILES = ("service/Containerfile", "worker/Containerfile")
TARGETS = [
    ("service/Containerfile", ""),
    ("worker/Containerfile", "runai"),
    ("worker/Containerfile", "desktop"),
]
COMMANDS = {"service": service_app, "worker": worker_app}
UID = "1000:1000"


def pins(lock: str) -> set[str]:
    """Return what a lock pins."""
    return set(
        re.findall(r"^([a-z0-9._-]+==[^\s;\\]+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE)
    )


def installs(file: ContainerFile) -> list[str]:
    """Return every call of pip that installs something."""
    runs = [run for stage in file.stages for run in stage.values("RUN")]
    return [step.strip() for run in runs for step in run.split("&&") if " install " in step and "pip" in step]


@pytest.mark.parametrize("path", FILES)
def test_the_linter_is_content(path: str) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "hadolint is missing: make .venv/.dev"
    told = subprocess.run([hadolint, str(ROOT / path)], capture_output=True, encoding="utf-8", check=False)
    assert (told.returncode, told.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES)
def test_every_stage_begins_with_another_or_with_a_version_of_python_that_is_tested(path: str) -> None:
    file = ContainerFile(path)
    names = {stage.name for stage in file.stages}
    assert {stage.base for stage in file.stages} - names == {"${PYTHON}"}
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", file.arguments["PYTHON"])


@pytest.mark.parametrize(("path", "target"), TARGETS)
def test_it_runs_as_an_ordinary_user_with_a_number(path: str, target: str) -> None:
    assert ContainerFile(path).last(target, "USER") == UID


@pytest.mark.parametrize(("path", "target"), TARGETS)
def test_sigterm_reaches_a_command_of_ours_that_there_is(path: str, target: str) -> None:
    program, part, *options = ContainerFile(path).command(target)
    assert program == "sleap-rtc"
    command: Any = typer.main.get_command(COMMANDS[part])
    command.make_context(part, options)


@pytest.mark.parametrize(("path", "target"), TARGETS)
def test_its_health_is_looked_at_where_it_listens_without_more_programs(path: str, target: str) -> None:
    file = ContainerFile(path)
    program, _, script = file.health_check(target)
    compile(script, path, "exec")
    port = file.environment(target).get("SLEAP_RTC_METRICS_PORT") or file.last(target, "EXPOSE")
    expected = f"http://127.0.0.1:{port}/{'metrics' if 'worker' in path else 'healthz'}"
    assert (program, re.findall(r"http[^']+", script)) == ("python", [expected])


@pytest.mark.parametrize(("path", "target"), TARGETS)
def test_every_variable_of_ours_is_a_setting_and_none_is_a_secret(path: str, target: str) -> None:
    environment = ContainerFile(path).environment(target)
    ours = {name.removeprefix("SLEAP_RTC_").lower() for name in environment if name.startswith("SLEAP_RTC_")}
    assert ours <= set(Settings.model_fields)
    assert environment["SLEAP_RTC_ENVIRONMENT"] == "production"
    assert not re.search(r"(?i)(ARG|ENV) \S*(token|secret|passw|_key)", ContainerFile(path).path.read_text())


@pytest.mark.parametrize("path", FILES)
def test_what_is_installed_is_in_a_lock_with_its_hash(path: str) -> None:
    steps = installs(ContainerFile(path))
    assert len(steps) >= 3
    for step in steps:
        locked = re.search(r"--no-deps --require-hashes -r requirements/(\S+)\.txt$", step)
        own = "--no-index /opt/wheel/" in step
        engine = '"$TORCH"' in step  # whose CUDA is the choice of whoever builds
        assert locked or own or engine, step
        assert not locked or (ROOT / "requirements" / f"{locked[1]}.txt").exists()


def test_torch_is_the_one_that_the_engine_is_tested_with() -> None:
    arguments = dict(
        arg.split("=", 1) for arg in ContainerFile("worker/Containerfile").stage("engine").values("ARG")
    )
    assert f"TORCH := {arguments['TORCH']}\n" in (ROOT / "Makefile").read_text()
    assert arguments["TORCHVISION"] in pins("sleap-nn.txt")


@pytest.mark.parametrize("lock", ["service.txt", "worker.txt", "build.txt"])
def test_what_runs_in_an_image_is_what_was_tested(lock: str) -> None:
    assert pins(lock) <= pins("dev.txt"), "run `make lock`"


def test_only_what_an_image_is_made_of_reaches_its_builder() -> None:
    # As Docker reads it: the last line that fits counts, whatever folder was left out before.
    ignored = PathSpec.from_lines("gitignore", (ROOT / ".dockerignore").read_text().splitlines())
    needed = [
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "requirements/service.txt",
        "live/sleap_rtc/live/engine.py",
    ]
    unwanted = [
        ".git/config",
        ".env",
        "sleap-rtc.toml",
        "tests/conftest.py",
        "docs/live.md",
        ".venv/bin/python",
    ]
    assert [path for path in [*needed, *unwanted] if not ignored.match_file(path)] == needed


def test_the_manifests_start_the_image_that_is_made_for_them() -> None:
    file = ContainerFile("worker/Containerfile")
    for manifest in ("keda-scaledjob.yaml", "runai-workload.yaml"):
        text = (ROOT / "worker" / "deploy" / manifest).read_text()
        assert f"runAsUser: {UID.partition(':')[0]}" in text
        assert re.findall(r"image: \S+/(\S+):", text) == ["sleap-rtc-worker"]
        assert file.environment("runai")["SLEAP_RTC_CACHE_DIR"] in text
    assert "--target runai -t sleap-rtc-worker ." in file.path.read_text()
