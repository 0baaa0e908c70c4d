"""How fast do files go from peer to peer, and does control get through meanwhile?

    python benchmarks/live.py [--quick] [--json]

Two processes on one machine, over its network interface. The peer is the same engine with the existing tool's
discipline of sending.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from sections.live_bulk import bulk

from sleap_rtc.storage.part_plan import MIB


def main() -> int:
    """Measure, print, and return 0 if every bar held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small file, one round")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    chosen = parser.parse_args()
    size_bytes, rounds = (16 * MIB, 1) if chosen.quick else (64 * MIB, 3)
    with tempfile.TemporaryDirectory() as folder:
        found = bulk(Path(folder), size_bytes, rounds)
    print(found.text(as_json=chosen.json))
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
