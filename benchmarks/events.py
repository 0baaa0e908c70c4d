"""How soon does an upload start its job, how many events does a process settle, and what do jobs cost?

    python benchmarks/events.py [--quick] [--json] [--only SECTION,...] [--engine ministack|localstack]

The service and its workers are processes of the product, on MiniStack or LocalStack on loopback. LocalStack
has an environment of its own (`make test-localstack` sets it up); where it is not there, nothing is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engines import CREDENTIALS
from event_engines import EngineMissing, event_engine
from figures import Figure, Report
from processes import ProcessFailed
from sections.cost import cost
from sections.throughput import throughput
from sections.wake import wake

if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS = ("wake", "throughput", "cost")


@dataclass(frozen=True)
class Scale:
    """How much is done."""

    wake_jobs: int
    wake_pause_s: float
    messages: int
    rounds: int
    trained_jobs: int
    idle_s: float


FULL = Scale(wake_jobs=200, wake_pause_s=0.7, messages=2_000, rounds=3, trained_jobs=20, idle_s=30)
QUICK = Scale(wake_jobs=8, wake_pause_s=0.15, messages=300, rounds=1, trained_jobs=2, idle_s=3)


def measure(name: str, engine: str, scale: Scale, folder: Path) -> Report:
    """Run one section on an engine of its own."""
    with event_engine(engine, folder / f"{name}-engine") as url:
        sections: dict[str, Callable[[], Report]] = {
            "wake": lambda: wake(engine, url, folder / name, scale.wake_jobs, scale.wake_pause_s),
            "throughput": lambda: throughput(url, scale.messages, scale.rounds),
            "cost": lambda: cost(url, folder / name, scale.trained_jobs, scale.idle_s),
        }
        return sections[name]()


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few jobs and messages")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of %(default)s")
    parser.add_argument("--engine", choices=("ministack", "localstack"), default="ministack")
    chosen = parser.parse_args()
    names = chosen.only.split(",")
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    os.environ.update(CREDENTIALS)
    found = Report()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            begun = time.monotonic()
            print(f"{name} ...", end="", file=sys.stderr, flush=True)
            try:
                found.add(measure(name, chosen.engine, QUICK if chosen.quick else FULL, Path(folder)))
            except EngineMissing as missing:
                print(f" skipped: {missing}", file=sys.stderr)
                break
            except (ProcessFailed, TimeoutError, KeyboardInterrupt) as failure:  # the others are told anyway
                print(f" {str(failure) or 'interrupted'}", file=sys.stderr)
                found.figures.append(Figure(f"{name}: measured", 0, "", "", 0, 1, holds=False))
            print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
