"""Trainings that end badly, as real processes: each kind has its code, its advice and the last lines."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.plain_engine import install_plain_engine

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.errors import JobFailed
from sleap_rtc.worker.package import TrainingPackage, unpack
from sleap_rtc.worker.reference_trainer.errors import DiskFull
from sleap_rtc.worker.reference_trainer.run_directory import RunDirectory
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.trainer import python_of
from sleap_rtc.worker.training_events import BatchEnded, EpochEnded
from sleap_rtc.worker.training_failure import diverged, failure_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sleap_rtc.worker.trainer import TrainerName


@pytest.fixture
def tiny(tmp_path: Path) -> TrainingPackage:
    make_example_package(tmp_path / "tiny.zip", frames=12, size=32)
    (tmp_path / "package").mkdir()
    return unpack(tmp_path / "tiny.zip", tmp_path / "package")[0]


def failure(
    name: TrainerName, package: TrainingPackage, overrides: Mapping[str, str] | None = None
) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        SubprocessTrainer(name).train(package, overrides or {}, lambda _: None, threading.Event())
    return caught.value


ENDS = {
    "disk_full": (
        'with open("/dev/full", "wb") as file:\n    file.write(b"x" * 100_000)',
        "No space left on device",
    ),
    "out_of_memory": (
        'print("epoch 3", flush=True)\nos.kill(os.getpid(), 9)',
        "the system ended it .* epoch 3",
    ),
    "config_refused": (
        'print("omegaconf.errors.ConfigKeyError: Key nonsense not there", flush=True)\nsys.exit(1)',
        "refuses the configuration.*nonsense",
    ),
    "trainer_missing": ("import sleap_nn", r"sleap-nn \(its Python has no sleap_nn\) is not installed"),
    "training_failed": (
        'raise RuntimeError("a shape that does not fit")',
        "exit code 1.*a shape that does not fit",
    ),
}


@pytest.mark.parametrize("code", ENDS)
def test_an_engine_that_dies_fails_the_job_with_a_code(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    last_act, words = ENDS[code]
    install_plain_engine(tmp_path / "bin", monkeypatch, before=last_act)
    failed = failure("sleap-nn", tiny)
    assert failed.code == code
    assert re.search(words, str(failed))


def test_memory_that_python_is_refused_is_told_from_memory_that_the_system_takes_back(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch, before="bytearray(1 << 62)")
    failed = failure("sleap-nn", tiny)
    assert failed.code == "out_of_memory"
    assert "it asked for more than there was" in str(failed)


def test_a_plain_engine_that_trains_on_without_a_loss_is_ended(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (
        "heard = say\n"
        "def say(event, logs=None, **fields):\n"
        "    heard(event, logs and dict.fromkeys(logs, float('nan')), **fields)\n"
        "print('on and on', flush=True)"
    )
    install_plain_engine(tmp_path / "bin", monkeypatch, before=before)
    failed = failure("sleap-nn", tiny, {"trainer_config.max_epochs": "100"})
    assert failed.code == "training_diverged"
    assert "on and on" in str(failed)


def test_a_program_that_does_not_start_is_missing(
    tiny: TrainingPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plain_engine(tmp_path / "bin", monkeypatch)
    program = tmp_path / "bin" / "sleap-nn"
    program.write_text("#!/gone/python\n")
    failed = failure("sleap-nn", tiny)
    assert failed.code == "trainer_missing"
    assert "cannot be started" in str(failed)


@pytest.mark.parametrize(
    ("overrides", "code", "words"),
    [
        ({"trainer_config.optimizer.lr": "1e30"}, "training_diverged", "lower trainer_config.optimizer.lr"),
        ({"trainer_config.max_epochs": "none"}, "config_refused", "max_epochs"),
    ],
)
def test_the_reference_trainer_says_why_it_ended(
    tiny: TrainingPackage, overrides: dict[str, str], code: str, words: str
) -> None:
    failed = failure("reference", tiny, overrides)
    assert (failed.code, words in str(failed)) == (code, True)


def test_the_reference_trainer_tells_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / f".metrics.json.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"metrics\.json") as caught:
        RunDirectory(tmp_path).save_metrics({"frames": list(range(10_000))})
    assert failure_of("reference trainer", caught.value.exit_code, [str(caught.value)]).code == "disk_full"


@pytest.mark.parametrize(
    "line",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.",
        "RuntimeError: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_torch_has_its_own_words_for_memory(line: str) -> None:
    assert failure_of("sleap-nn", 1, ["Traceback (most recent call last):", line]).code == "out_of_memory"


def test_a_tether_that_was_killed_is_taken_for_want_of_memory() -> None:
    assert failure_of("sleap-nn", -9, []).code == "out_of_memory"


def test_a_loss_that_is_no_number_is_seen_wherever_it_stands() -> None:
    nan = float("nan")
    assert diverged(BatchEnded(0, 0, {"loss": nan}))
    assert diverged(EpochEnded(0, {"train/loss": float("inf"), "loss": 1.0}))
    assert not diverged(EpochEnded(0, {"val/loss": nan, "val/dist": nan, "loss": 1.0}))


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (f"#!{sys.executable}\n# -*- coding: utf-8 -*-\n", True),
        (f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n", True),
        (f"#!/bin/sh\n'''exec' {sys.executable} \"$0\" \"$@\"\n' '''\n", True),
        ("#!/gone/python3\n", False),
        ("#!/bin/sh\nexec something else\n", False),
        ("MZ\x90\x00", False),
        ("", False),
    ],
)
def test_the_python_of_a_script_is_read_from_its_head(tmp_path: Path, head: str, found: bool) -> None:
    script = tmp_path / "sleap-nn"
    script.write_text(head)
    assert (python_of(script) is not None) == found
