"""How large may a room's registry get, and do many writers at once lose anything?

    python benchmarks/registry.py [--quick] [--json] [--only SECTION,...]

The manifest is looked into in this process, and through a service. The writers are processes; their store is
SeaweedFS on loopback, behind a proxy that lets it write and then cuts the connection.
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
from figures import Figure, Report
from processes import ProcessFailed
from sections.manifest_size import ask_service, look, publish_bytes
from sections.writers import writers

if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS = ("look", "http", "bytes", "writers")
MODELS = 10_000
SIZES = (0, 100, 1_000, MODELS)


@dataclass(frozen=True)
class Scale:
    """How much the writers do; every so many of their writes has its reply lost."""

    processes: int
    publishes: int
    cut_every: int = 5


FULL = Scale(processes=50, publishes=20)
QUICK = Scale(processes=6, publishes=5)


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer writers")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of %(default)s")
    chosen = parser.parse_args()
    names = chosen.only.split(",")
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    os.environ.update(CREDENTIALS)
    scale = QUICK if chosen.quick else FULL
    found = Report()
    with tempfile.TemporaryDirectory() as folder:
        sections: dict[str, Callable[[], Report]] = {
            "look": lambda: look(MODELS),
            "http": lambda: ask_service(Path(folder) / "stack", MODELS),
            "bytes": lambda: publish_bytes(SIZES),
            "writers": lambda: writers(Path(folder), scale.processes, scale.publishes, scale.cut_every),
        }
        for name in names:
            begun = time.monotonic()
            print(f"{name} ...", end="", file=sys.stderr, flush=True)
            try:
                found.add(sections[name]())
            except (ProcessFailed, KeyboardInterrupt) as failure:  # the others are told anyway
                print(f" {str(failure) or 'interrupted'}", file=sys.stderr)
                found.figures.append(Figure(f"{name}: measured", 0, "", "", 0, 1, holds=False))
            print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
