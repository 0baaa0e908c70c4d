"""Adapter: whole processes, measured by what the operating system counted."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

# A process inherits the peak memory of the one it was forked from, so a small one stands in between.
LAUNCHER = (
    "import json, resource, subprocess, sys, time\n"
    "begun = time.monotonic()\n"
    "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, encoding='utf-8')\n"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    "print(json.dumps([done.returncode, time.monotonic() - begun, used.ru_utime + used.ru_stime,\n"
    "    used.ru_maxrss, done.stdout]))\n"
)


class ProcessFailed(Exception):
    """A measured process ended with an error."""


@dataclass(frozen=True)
class Run:
    """One whole process: wall and CPU (user and system) seconds, peak resident MiB, what it printed."""

    wall_s: float
    cpu_s: float
    memory_mib: float
    output: str = ""


def run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a process to its end.

    Raises:
        ProcessFailed: it ended with another status than 0.
    """
    launched = [sys.executable, "-S", "-c", LAUNCHER, *command]
    told = subprocess.check_output(launched, env={**os.environ, **environment})
    status, wall_s, cpu_s, peak_kib, output = json.loads(told)
    if status != 0:
        raise ProcessFailed(f"{' '.join(command)[:300]} ended with {status}")
    return Run(wall_s, cpu_s, peak_kib / 1024, output)


def measure(
    sides: Mapping[str, Callable[[], Run]],
    rounds: int,
    needed: Collection[str],
    between: Callable[[], object] = lambda: None,
) -> dict[str, Run]:
    """Run the sides in turn, so that a machine that changes its speed changes all of them.

    Args:
        sides: what is compared, by name.
        rounds: how often each runs.
        needed: those without whom there is nothing to compare; another one that fails is left out.
        between: called after each run.

    Returns:
        The medians of time and the peaks of memory, by name.

    Raises:
        ProcessFailed: one of those that are needed failed.
    """
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name in list(runs):
            os.sync()  # or one side would wait for the disk that another one filled
            try:
                runs[name].append(sides[name]())
            except ProcessFailed as failure:
                if name in needed:
                    raise
                print(f" without {name}: {failure}", file=sys.stderr)
                del runs[name]
            between()
    return {
        name: Run(
            statistics.median(r.wall_s for r in found),
            statistics.median(r.cpu_s for r in found),
            max(r.memory_mib for r in found),
        )
        for name, found in runs.items()
    }
