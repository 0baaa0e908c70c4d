"""How many requests does one instance of the service take, and what does an upload cost in requests?

    python benchmarks/service.py [--quick] [--json] [--only SECTION,...]

The service is a process with its defaults, but for the limits; its store is SeaweedFS on loopback, its queues
are those of the embedded engine. Whoever asks is another process, with eight connections.
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
from figures import Report
from sections.api_load import load
from sections.upload_requests import upload_requests

if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS = ("load", "upload")


@dataclass(frozen=True)
class Scale:
    """How often each kind of request is made, in how many interleaved rounds."""

    requests: int
    rounds: int


FULL = Scale(requests=1_000, rounds=3)
QUICK = Scale(requests=60, rounds=1)


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer requests, one round")
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
            "load": lambda: load(Path(folder) / "load", scale.requests, scale.rounds),
            "upload": lambda: upload_requests(Path(folder) / "upload"),
        }
        for name in names:
            begun = time.monotonic()
            print(f"{name} ...", end="", file=sys.stderr, flush=True)
            found.add(sections[name]())
            print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
