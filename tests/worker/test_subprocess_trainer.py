"""Engines in processes of their own: what they say is heard, and nothing of them is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.product import eventually

from sleap_rtc.local.example_package import make_example_package
from sleap_rtc.worker.errors import TrainerMissing, TrainingFailed
from sleap_rtc.worker.package import TrainingPackage, unpack
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer
from sleap_rtc.worker.tether import tethered

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tiny(tmp_path: Path) -> TrainingPackage:
    make_example_package(tmp_path / "tiny.zip", frames=12, size=64)
    (tmp_path / "package").mkdir()
    return unpack(tmp_path / "tiny.zip", tmp_path / "package")[0]


def epochs(count: int) -> dict[str, str]:
    return {"trainer_config.max_epochs": str(count)}


def test_training_gives_lines_metrics_and_a_checkpoint(tiny: TrainingPackage) -> None:
    lines: list[str] = []
    result = SubprocessTrainer("reference").train(tiny, epochs(3), lines.append, threading.Event())
    assert [row["epoch"] for row in result.epochs] == [0, 1, 2]
    assert result.epochs[-1]["train/loss"] < result.epochs[0]["train/loss"]
    assert (result.folder / "best.ckpt").is_file()
    assert any("reference trainer: epoch 3/3" in line for line in lines)


def test_the_engines_messages_are_handed_on_as_they_came(tiny: TrainingPackage) -> None:
    said: list[str] = []
    SubprocessTrainer("reference").train(
        tiny, epochs(2), lambda _: None, threading.Event(), on_message=said.append
    )
    events = [json.loads(message)["event"] for message in said]
    assert events[-1] == "train_end"
    assert events.count("epoch_end") == 2
    assert all(message.startswith('{"') for message in said)


def test_a_failing_engine_leaves_its_last_words(tiny: TrainingPackage) -> None:
    next(tiny.folder.glob("*.pkg.slp")).write_bytes(b"damaged")
    with pytest.raises(TrainingFailed, match=r"exit code \d+\. Its last words: .*pkg\.slp"):
        SubprocessTrainer("reference").train(tiny, epochs(3), lambda _: None, threading.Event())


def test_stop_ends_the_engine_at_once(tiny: TrainingPackage) -> None:
    stop = threading.Event()

    def stop_after_the_first_epoch(line: str) -> None:
        if "epoch 1/" in line:
            stop.set()

    result = SubprocessTrainer("reference").train(tiny, epochs(100_000), stop_after_the_first_epoch, stop)
    assert len(result.epochs) < 1000


def test_an_engine_that_is_not_installed_is_named(
    tiny: TrainingPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TrainerMissing, match="sleap-nn is not installed on this worker"):
        SubprocessTrainer("sleap-nn").train(tiny, {}, lambda _: None, threading.Event())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a zombie is dead
        return file.read().rpartition(")")[2].split()[0] != "Z"


STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.mark.parametrize("held", ["", "hold_session(p)"])
def test_a_tethered_process_dies_with_its_parent_and_so_do_its_children(held: str) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys\n"
            "from sleap_rtc.worker.tether import hold_session\n"
            f"p = subprocess.Popen({tethered([sys.executable, '-c', STUBBORN])!r}, stdin=subprocess.PIPE,"
            " start_new_session=True, stdout=subprocess.PIPE)\n"
            "child = p.stdout.readline().decode()\n"
            f"{held}\n"
            "print(child, flush=True)\n"
            "p.wait()",
        ],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert parent.stdout is not None
    grandchild = int(parent.stdout.readline())
    assert alive(grandchild)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    eventually(lambda: not alive(grandchild))
    parent.stdout.close()


def test_a_tethered_process_passes_its_exit_status_on() -> None:
    command = tethered([sys.executable, "-c", "raise SystemExit(7)"])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert process.wait() == 7
    assert process.stdin is not None
    process.stdin.close()
