"""How soon is a worker told and heard whatever else goes on, and how fast do files go from peer to peer?

    python benchmarks/live.py [--quick] [--json] [--only SECTION,...] [--profile] [--existing-tool FOLDER]

Two processes on one machine, over its network interface.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engines import CREDENTIALS, seaweedfs
from figures import Report
from s3_load import BUCKET

from sleap_rtc.storage.part_plan import MIB
from sleap_rtc.storage.s3_client import s3_client

if TYPE_CHECKING:
    from collections.abc import Callable

SECTIONS = ("bulk", "latency", "pause")


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    chosen = _chosen()
    os.environ.update(CREDENTIALS)
    size_bytes, rounds, seconds, pauses = (8 * MIB, 1, 4.0, 5) if chosen.quick else (64 * MIB, 3, 30.0, 25)
    found = Report()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        if chosen.only & {"latency", "pause"}:
            store_url = stack.enter_context(seaweedfs(folder / "weed")).url
            s3_client("us-east-1", store_url).create_bucket(Bucket=BUCKET)
        if "bulk" in chosen.only:
            from sections.live_bulk import bulk

            found.add(bulk(folder, size_bytes, rounds, _tool(chosen, folder, size_bytes)))
        if "latency" in chosen.only:
            from sections.live_latency import latency

            found.add(latency(folder, store_url, seconds))
        if "pause" in chosen.only:
            from sections.live_pause import pause

            found.add(pause(folder, store_url, pauses))
        if chosen.profile:
            from sections.live_profile import profile

            found.add(profile(folder, size_bytes))
    print(found.text(as_json=chosen.json))
    return found.exit_code


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small files, one round")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default=",".join(SECTIONS), help="some of %(default)s")
    parser.add_argument(
        "--profile", action="store_true", help="also what a transfer's processor time goes into"
    )
    parser.add_argument(
        "--existing-tool",
        type=Path,
        default=os.environ.get("SLEAP_RTC_TEST_EXISTING_TOOL") or None,
        help="a checkout of the existing tool, to be compared with, too (or SLEAP_RTC_TEST_EXISTING_TOOL)",
    )
    chosen = parser.parse_args()
    chosen.only = set(chosen.only.split(","))
    if unknown := chosen.only - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return chosen


def _tool(chosen: argparse.Namespace, folder: Path, size_bytes: int) -> Callable[[], float] | None:
    if chosen.existing_tool is None:
        return None
    from existing_tool import transfer

    return partial(transfer, chosen.existing_tool, folder, size_bytes)


if __name__ == "__main__":
    sys.exit(main())
