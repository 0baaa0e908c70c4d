"""How fast does the command line answer, and how long does the whole story take?

    python benchmarks/main_job.py [--quick] [--json]

Peers: a bare interpreter for the start-up, and for the story its own training alone (the reference trainer on
the same package, started by hand), so that the ratio is what everything around the training costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from figures import Figure, Report

HELP_BAR_S = 0.4
DEMO_BAR_S = 60.0


def cpu_s(command: list[str]) -> float:
    """Return the CPU seconds (user and system) of a whole process."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def wall_s(command: list[str], cwd: Path, home: Path) -> float:
    """Return the wall seconds of a whole process."""
    begun = time.monotonic()
    environment = {**os.environ, "HOME": str(home)}
    subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def help_figure(runs: int) -> Figure:
    """Measure `sleap-rtc --help`."""
    ours, bare = [], []
    for _ in range(runs + 1):  # the first run of each fills the caches and is dropped
        ours.append(cpu_s([sys.executable, "-m", "sleap_rtc.client", "--help"]))
        bare.append(cpu_s([sys.executable, "-c", "pass"]))
    value, peer = statistics.median(ours[1:]), statistics.median(bare[1:])
    return Figure(
        "sleap-rtc --help", value, "CPU s", "python -c pass", value / peer, HELP_BAR_S, value < HELP_BAR_S
    )


def demo_figure(runs: int, folder: Path) -> Figure:
    """Measure `sleap-rtc demo`, and its training alone."""
    from sleap_rtc.local.example_package import make_example_package

    make_example_package(folder / "example.zip")
    with zipfile.ZipFile(folder / "example.zip") as package:
        package.extractall(folder)
    train = [sys.executable, "-m", "sleap_rtc.worker.reference_trainer", "train", "--config-dir", "."]
    train += ["--config-name", "single_instance.yaml", "trainer_config.ckpt_dir=models"]
    demo = [sys.executable, "-m", "sleap_rtc.client", "demo"]
    whole, training = [], []
    for run in range(runs):
        whole.append(wall_s(demo, folder, folder))
        training.append(wall_s([*train, f"trainer_config.run_name=run{run}"], folder / "example", folder))
    value, peer = statistics.median(whole), statistics.median(training)
    ratio = value / peer
    return Figure("sleap-rtc demo", value, "s", "its training alone", ratio, DEMO_BAR_S, value < DEMO_BAR_S)


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one demo run, three of --help")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = Report(
            [help_figure(3 if chosen.quick else 15), demo_figure(1 if chosen.quick else 5, Path(folder))]
        )
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
